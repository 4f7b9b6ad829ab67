#pragma once
// The redo files: which are complete, and which must stay although their checkpoint is, because a transfer of
// the state to another node will need them. A transfer holds the files above the checkpoint at which it
// began, by a lease that each of its requests renews.
//
// Why no needed file is ever gone: hold() reads what all partitions stand for and registers under the mutex
// that removing takes, and files below an index are removed only after the partitions are said to be there.
//
// Threading: any; note_complete() and remove_old() on the checkpoint thread.
// Errors: those of the disk. Limits: leases, and bytes kept for them: beyond, the oldest lease ends.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "kontor/base/result.h"
#include "kontor/store/copy_source.h"

namespace kontor::store {

class KeptRedo {
 public:
    struct Limits {
        std::uint64_t lease_ms;
        std::size_t leases;
        std::uint64_t kept_bytes;
    };
    // `folder` as the store was opened with it, at checkpoint `index`; files from `needed_from` on are
    // needed.
    KeptRedo(std::string folder, std::uint64_t index, std::uint64_t needed_from, Limits limits);

    // The file of this index is complete and durable; before any partition commits its rows.
    [[nodiscard]] Result<void> note_complete(std::uint64_t index);
    // Removes files below `index`, which no partition needs any more, unless they are held.
    [[nodiscard]] Result<void> remove_old(std::uint64_t index);

    // Holds what comes after `merged()`, asked under the mutex; instead of what the same id held, since the
    // answer to its first request may have been lost. overloaded: there are too many.
    [[nodiscard]] Result<void> hold(std::uint64_t id, const std::function<std::uint64_t()>& merged);
    // Nothing up to `applied` is needed any more. The reason if the lease has ended.
    [[nodiscard]] std::optional<std::string> renew(std::uint64_t id, std::uint64_t applied);
    [[nodiscard]] bool is_held(std::uint64_t id);
    void release(std::uint64_t id);

    struct Next {
        std::uint64_t index, bytes, newest, remaining;
    };
    [[nodiscard]] std::optional<Next> next_after(std::uint64_t index) const;  // complete ones
    [[nodiscard]] std::uint64_t bytes_above(std::uint64_t index) const;
    [[nodiscard]] CopyStats stats() const;

 private:
    struct Held {
        std::uint64_t base = 0, renewed_ms = 0;
        std::string ended;  // why; kept for a while, to tell its sink
    };
    // With mutex_ held.
    void expire();
    [[nodiscard]] std::uint64_t needed_from() const;
    [[nodiscard]] std::uint64_t kept_bytes() const;
    [[nodiscard]] Result<void> trim();

    const std::string folder_;
    const Limits limits_;
    mutable std::mutex mutex_;
    // Guarded by mutex_.
    std::map<std::uint64_t, std::uint64_t> files_;  // complete ones: index -> bytes
    std::uint64_t newest_complete_;
    std::uint64_t old_below_;  // what nobody holds and is below may go
    std::map<std::uint64_t, Held> held_;
};

}  // namespace kontor::store

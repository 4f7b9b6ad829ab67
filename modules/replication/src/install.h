#pragma once
// Taking another node's checkpoint: what becomes of the own log (docs/formats/log.md, "Installing a
// checkpoint").
//
// Threading: the folder's lock is held. Errors: io, no_space, corruption.

#include <cstdint>
#include <optional>
#include <string>

#include "file_ops.h"
#include "kontor/base/result.h"
#include "log_format.h"

namespace kontor::replication {

enum class InstallPlan : std::uint8_t {
    keep_log,   // it holds the checkpoint's last entry: what follows may have been acknowledged
    reset_log,  // it does not: everything in it is in the checkpoint, or was never committed
    refuse,     // the log begins after the checkpoint: entries in between are missing
};

// `first`, `last`: what the log holds (last = first - 1: nothing). `term_at`: of its entry at the
// checkpoint's index, 0 if it has none. Why reset_log loses nothing that counts: were an entry after the
// checkpoint's last one committed with our help, our log would agree with the leader's up to it, and so hold
// that one too.
[[nodiscard]] InstallPlan plan_install(std::uint64_t first, std::uint64_t term_at, std::uint64_t index,
                                       std::uint64_t term);

inline constexpr std::uint64_t kEmptyFromStart = ~std::uint64_t{0};

// The file `install` beside the log.
struct InstallMark {
    enum class State : std::uint32_t {
        asked = 1,      // nothing was touched; counts when the checkpoint is really there at the next open
        resetting = 2,  // the old log is being removed; only the new checkpoint will do
        empty = 3,      // the log goes on after the checkpoint and has no entry yet
    };
    State state = State::asked;
    std::uint64_t index = 0, term = 0;  // of the checkpoint; 0: a new node without one
    // asked: the log was `empty` after this one, and is again if nothing comes of it. Both 0: it has entries;
    // 0 and kEmptyFromStart: that of a new node which never had one.
    std::uint64_t empty_after = 0, empty_after_term = 0;
};

Result<std::optional<InstallMark>> load_install_mark(const std::string& folder);
Result<void> store_install_mark(const std::string& folder, const InstallMark& mark, const Uuid& cluster,
                                FileOps& files);
Result<void> remove_install_mark(const std::string& folder, FileOps& files);
// Durable mark first, then the segments, the last one first.
Result<void> remove_log(const std::string& folder, FileOps& files);

}  // namespace kontor::replication

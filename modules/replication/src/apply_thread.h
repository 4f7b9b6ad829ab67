#pragma once
// The thread that hands committed entries to the state machine, in order, each once.
//
// Entries come from the queue while it has room (their payloads are shared, not copied) and from the log on
// disk otherwise: after a restart, and when the state machine is slow. So a long replay needs little memory.
//
// Threading: post, notify and stop anywhere; snapshot_meta only on the apply thread (or before start());
//   StateMachine calls only on the apply thread.
// Errors: an entry that cannot be read again: reported once, and nothing is applied after it.
// Limits: kMaxQueuedBytes and kMaxQueuedEntries in memory.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "entry.h"
#include "kontor/replication/replica.h"
#include "log.h"
#include "snapshot_meta.h"

namespace kontor::replication {

inline constexpr std::size_t kMaxQueuedBytes = 16U << 20U;  // beside one larger entry
inline constexpr std::size_t kMaxQueuedEntries = 4096;

class ApplyThread {
 public:
    struct Callbacks {
        std::function<void()> drained;  // backlog() fell below the low mark after it was above
        std::function<void(Error)> failed;
    };
    // `start`: what the state machine has already (index 0: nothing).
    ApplyThread(const Log& log, StateMachine& machine, SnapshotMeta start, Callbacks callbacks);
    ~ApplyThread() { stop(); }

    void start() {
        thread_ = std::thread([this] { run(); });
    }
    void halt();  // after the entry that is being applied
    void stop();  // halt, and join

    // The entry at `index` is committed. Not kept when the queue is full: then it is read from disk.
    void post(std::uint64_t index, const Entry& entry);
    // Everything up to `commit` may be applied, and up to `durable` may be read from disk.
    void notify(std::uint64_t commit, std::uint64_t durable);

    [[nodiscard]] std::uint64_t applied() const { return applied_.load(); }
    // Of that entry, or of the one that is applied next.
    [[nodiscard]] std::uint64_t applied_term() const { return applied_term_.load(); }
    [[nodiscard]] std::uint64_t backlog() const;
    [[nodiscard]] SnapshotMeta snapshot_meta(std::uint64_t index) const;

 private:
    struct Queued {
        std::uint64_t index;
        Entry entry;
    };
    void run();
    Result<void> apply_one(std::uint64_t index, std::optional<Entry> entry);
    void hand_out(std::uint64_t index, std::uint64_t term, EntryType type, std::string_view payload);

    const Log& log_;
    StateMachine& machine_;
    const Callbacks callbacks_;
    std::thread thread_;

    // Apply thread only.
    std::optional<LogReader> reader_;
    std::uint64_t reader_next_ = 0;
    SnapshotMeta at_applied_;  // of the newest applied entry
    SnapshotMeta at_command_;  // of the newest applied command: what the state machine knows

    std::atomic<std::uint64_t> applied_, applied_term_, commit_{0};

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::deque<Queued> queue_;
    std::size_t queued_bytes_ = 0;
    std::uint64_t durable_ = 0;
    bool stopping_ = false;
};

}  // namespace kontor::replication

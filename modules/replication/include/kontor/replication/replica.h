#pragma once
// The replicated log over opaque bytes: libraft's pure core, driven as RAFT.md says, with our own log files.
// One node is a cluster of one: the same path.
//
//   propose(bytes) -> appended at (index, term) -> fsync -> commit -> StateMachine::apply(index, term, bytes)
//
// Threads: one loop thread (the engine), one disk thread (log writes and fsync), one apply thread.
// Ownership: payloads are moved in; apply sees a view valid during the call.
// Errors: a failed write or fsync, or a corrupt record before the tail, stops the replica: on_stop is called
// once and nothing is acknowledged afterwards. open() answers corruption (names file and offset; also when
// log and checkpoint do not meet, or one of them is missing), unavailable (another process has the folder),
// invalid_argument (options, another node's folder), io, no_space.
// Limits: see ReplicaOptions; an entry is at most kMaxEntryBytes; proposals not yet persisted are bounded by
// `max_inflight_entries` (the proposer waits: see ready()).

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"

namespace kontor::replication {

inline constexpr std::size_t kMaxEntryBytes = 4U << 20U;       // hard bound of one record
inline constexpr std::size_t kTargetEntryBytes = 128U << 10U;  // where batches stop growing
inline constexpr unsigned kMaxInflightEntries = 1024;  // bound of ReplicaOptions::max_inflight_entries
inline constexpr unsigned kMaxQueuedProposals = 64;    // beyond the window: propose() answers overloaded
inline constexpr std::size_t kMaxQueuedProposalBytes = 32U << 20U;  // the same, in bytes
inline constexpr std::uint64_t kMaxBacklogEntries =
    4096;  // committed and not yet applied: above, not ready()
inline constexpr std::uint64_t kMaxLogEntries = 1U << 20U;  // above: log_pressure(), as above max_log_bytes

struct Position {
    std::uint64_t index = 0;
    std::uint64_t term = 0;
    friend bool operator==(const Position&, const Position&) = default;
};

// Called on the apply thread, in index order, each committed command entry exactly once per process run
// (after a restart again from the checkpoint on).
class StateMachine {
 public:
    virtual ~StateMachine() = default;
    virtual void apply(Position at, std::string_view payload) = 0;
    // No further committed entry is waiting: a good moment to publish or to checkpoint.
    virtual void idle() {}
};

enum class Role : std::uint8_t { starting, follower, candidate, leader, stopped };

struct ReplicaOptions {
    std::string folder;  // log segments, term and vote, node identity
    std::uint64_t node_id = 1;
    std::string address = "local";              // peers' address of this node (the cluster issue uses it)
    std::uint64_t segment_bytes = 64ULL << 20;  // preallocated
    std::uint64_t max_log_bytes = 1ULL << 30;   // above: log_pressure() is true until a checkpoint truncates
    unsigned max_inflight_entries = 2;          // entries submitted and not yet persisted
    std::uint64_t trailing_entries = 1024;      // kept behind a checkpoint for slow followers
    std::uint64_t election_timeout_ms = 1000, heartbeat_ms = 100;
    const Clock* clock = nullptr;
    std::function<void(const char* step)> crash_point;  // test seam, as in StoreOptions
};

struct ReplicaStats {
    std::uint64_t last_index = 0, commit_index = 0, applied_index = 0, term = 0;
    std::uint64_t log_bytes = 0, syncs = 0, entries = 0, first_index = 0;
    std::uint64_t appended_bytes = 0;  // to the log since the start; log_bytes shrinks with every checkpoint
};

class Replica {
 public:
    // Makes the folder and bootstraps a cluster of one when it is empty; otherwise loads and checks it.
    // `checkpoint_meta`: what snapshot_meta() returned for the state machine's durable checkpoint ("" if
    // none); entries up to it are not applied again.
    static Result<std::unique_ptr<Replica>> open(ReplicaOptions options, StateMachine& machine,
                                                 std::string_view checkpoint_meta);
    virtual ~Replica() = default;  // stops

    // Once. Set the callbacks below before.
    virtual Result<void> start() = 0;
    // Joins the threads; proposals not yet committed have no outcome. Not from a callback.
    virtual void stop() = 0;

    // Any thread. `done` is called once, on the loop thread: the position, or unavailable (not leader,
    // stopping). On the calling thread, before propose() returns: too_large (kMaxEntryBytes), overloaded (the
    // queue beyond the window is full; one who waits for ready() never meets it), unavailable (stopped).
    // A position is not an acknowledgement: the entry counts when apply() is called with the same position,
    // which is always after `done` returned.
    using Accepted = std::function<void(Result<Position>)>;
    virtual void propose(std::string payload, Accepted done) = 0;
    // True while this node leads, fewer than max_inflight_entries are unpersisted and apply() is not too far
    // behind. on_ready is called (loop thread) when it becomes true, also for the first time.
    [[nodiscard]] virtual bool ready() const = 0;
    [[nodiscard]] virtual bool log_pressure() const = 0;
    [[nodiscard]] virtual Role role() const = 0;

    // Apply thread, inside or right after apply() of `index`: the opaque meta of a checkpoint at that index
    // (index, term, configuration). `index` is that of the newest command, or the newest applied_index.
    [[nodiscard]] virtual std::string snapshot_meta(std::uint64_t index) const = 0;
    // Any thread: the state machine's checkpoint with this meta is durable; the log before it may go (all but
    // trailing_entries, in whole segments). An older one than before is ignored.
    virtual void checkpointed(std::string snapshot_meta) = 0;

    [[nodiscard]] virtual ReplicaStats stats() const = 0;

    std::function<void()> on_ready;
    std::function<void(Role)> on_role;          // loop thread
    std::function<void(const Error&)> on_stop;  // loop thread, once. Fatal: the process must end
};

}  // namespace kontor::replication

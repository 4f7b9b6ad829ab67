#pragma once
// The replicated log over opaque bytes: libraft's pure core, driven as RAFT.md says, with our own log files.
// One node is a cluster of one: the same path.
//
//   propose(bytes) -> appended at (index, term) -> fsync, quorum -> commit -> StateMachine::apply
//
// Threads: one loop thread (the engine), one disk thread (log writes and fsync), one apply thread, and with a
// transport one thread that reads old entries back for peers that are behind.
// Ownership: payloads are moved in; apply sees a view valid during the call.
// Errors: a failed write or fsync, or a corrupt record before the tail, stops the replica: on_stop is called
// once and nothing is acknowledged afterwards. open() answers corruption (names file and offset; also when
// log and checkpoint do not meet), unavailable (another process has the folder), invalid_argument (options,
// another node's folder, no log, a marker that is none), conflict (the folder is older than its marker), io,
// is older than its marker), io, no_space. Limits: see ReplicaOptions; an entry is at most kMaxEntryBytes;
// proposals not yet persisted are bounded by `max_inflight_entries` (the proposer waits: see ready()).

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/replication/promise.h"

namespace kontor::replication {

inline constexpr std::size_t kMaxEntryBytes = 4U << 20U;       // hard bound of one record
inline constexpr std::size_t kTargetEntryBytes = 128U << 10U;  // where batches stop growing
inline constexpr unsigned kMaxInflightEntries = 1024;  // bound of ReplicaOptions::max_inflight_entries
inline constexpr unsigned kMaxQueuedProposals = 64;    // beyond the window: propose() answers overloaded
inline constexpr std::size_t kMaxQueuedProposalBytes = 32U << 20U;  // the same, in bytes
inline constexpr std::uint64_t kMaxBacklogEntries =
    4096;  // committed and not yet applied: above, not ready()
// While committed entries wait to be applied: above max_log_bytes and this share of it, not ready().
inline constexpr std::uint64_t kLogOverrunShare = 4;
inline constexpr std::uint64_t kMaxLogEntries = 1U << 20U;  // above: log_pressure(), as above max_log_bytes

inline constexpr std::size_t kMaxPeerFrameBytes = kMaxEntryBytes + (64U << 10U);  // one frame of a peer
inline constexpr std::size_t kMaxInboxFrames = 4096;       // received and not yet handled: above, dropped
inline constexpr std::size_t kMaxInboxBytes = 64U << 20U;  // the same, in bytes

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

// How frames reach the other nodes (docs/formats/peer.md). The transport knows who is at the other end: it
// authenticates both sides and hands what arrives to Replica::receive() with the sender's id.
class PeerTransport {
 public:
    virtual ~PeerTransport() = default;
    // Never blocks. In order per peer while connected; may drop; after a reconnect nothing of the connection
    // before is delivered any more. Called on the loop thread and on the catch-up thread, of one peer never
    // on both at a time.
    virtual void send(std::uint64_t node_id, std::string frame) = 0;
};

using ClusterId = std::array<char, 16>;
inline constexpr std::uint64_t kNeverMs = std::numeric_limits<std::uint64_t>::max();

enum class MemberRole : std::uint8_t { standby = 0, voter = 1 };  // a stand-by gets everything, votes never

struct Member {
    std::uint64_t id = 0;
    MemberRole role = MemberRole::standby;
    // Known to the leader only; elsewhere 0, false and kNeverMs. Of the leader itself: its own disk, true, 0.
    std::uint64_t match_index = 0;             // has everything up to here on its disk
    bool is_reachable = false;                 // answered within an election time-out
    std::uint64_t last_contact_ms = kNeverMs;  // ago
};

// A copy, at most about a heartbeat old.
struct ClusterView {
    std::vector<Member> members;  // of the newest configuration in the own log, by id
    std::uint64_t leader_id = 0;  // 0: not known
    std::uint64_t term = 0;
    Role role = Role::starting;
    std::uint64_t commit_index = 0, last_index = 0;
    std::uint64_t configuration_index = 0;            // of `members`
    std::uint64_t committed_configuration_index = 0;  // equal to the one above unless a change is on its way
    std::uint64_t transfer_target = 0;                // 0: leadership is not being handed over
};

struct MembershipChange {
    enum class Kind : std::uint8_t { add_standby, promote, demote, remove };
    Kind kind = Kind::add_standby;
    std::uint64_t node_id = 0;  // of a wiped or replaced machine: always a new one, never used before
};

// The leader has dropped the entries that this node needs next: the node fetches the state of this entry or a
// later one, see on_snapshot_needed.
struct SnapshotNeeded {
    Position at;
    std::uint64_t leader_id = 0;
};

// Who a folder belongs to.
struct FolderIdentity {
    std::uint64_t node_id = 0;
    ClusterId cluster{};
    std::uint64_t term = 0;
};

struct ReplicaOptions {
    std::string folder;  // log segments, term and vote, node identity
    // A file outside of the folder that remembers how far the folder was (docs/formats/marker.md): an older
    // copy of the folder is refused. "": none.
    std::string marker;
    // A number that is taken into its cluster anew (docs/adr/0011): what its new folder begins with, beyond
    // everything that was promised under this number. For install().
    std::optional<Promise> renewed;
    bool is_alone = false;  // this node knows of no cluster: a log of others is refused
    std::uint64_t node_id = 1;
    // What bootstrap writes for this node into the first configuration. A label: real addresses are not in
    // the log. Nodes that are added later are "node-<id>".
    std::string address = "local";
    std::uint64_t segment_bytes = 64ULL << 20;  // preallocated
    std::uint64_t max_log_bytes = 1ULL << 30;   // above: log_pressure() is true until a checkpoint truncates
    unsigned max_inflight_entries = 2;          // entries submitted and not yet persisted
    std::uint64_t trailing_entries = 1024;      // kept behind a checkpoint for slow followers
    std::uint64_t election_timeout_ms = 1000, heartbeat_ms = 100;
    const Clock* clock = nullptr;
    // Kept up to date, for readers that cannot wait for anybody: as of when (Clock::boot_ms) this node's
    // state machine knows all that was acknowledged anywhere. 0: never yet; kNeverMs: nobody else can lead.
    // Not owned; lives longer than the replica.
    std::atomic<std::uint64_t>* known_at_ms = nullptr;
    // The same: this is so since it led itself, and no other leader has been heard since then.
    std::atomic<bool>* known_by_own_lead = nullptr;
    // A cluster. nullptr: a cluster of one for ever. Not owned; lives longer than the replica.
    PeerTransport* transport = nullptr;
    std::uint64_t install_snapshot_timeout_ms =
        3000;                                  // a peer that fetches a snapshot is asked again after it
    unsigned peer_window_entries = 64;         // on their way to one peer, 1..kMaxInflightEntries
    std::size_t max_append_bytes = 1U << 20U;  // entries of one frame, but for one larger entry
    // Before a try to take `bytes` on the disk, with how many failed since there was no room; may wait, on
    // the disk's or the loop's thread. False: give up, the replica stops. Null: the first failure stops it.
    std::function<bool(std::uint64_t bytes, unsigned failed)> wait_for_space;
    // Only look, on a disk that may be read-only: nothing is written, and what a replica writes at its start
    // is forgotten. Of a cluster of one: it applies all that is in the log.
    bool read_only = false;
    // While true, a follower takes no entries: its disk has no room for them. It stays a member and hears its
    // leader. Not owned; null: never.
    const std::atomic<bool>* takes_no_entries = nullptr;
    std::function<void(const char* step)> crash_point;  // test seam, as in StoreOptions
};

struct ReplicaStats {
    std::uint64_t last_index = 0, commit_index = 0, applied_index = 0, term = 0;
    std::uint64_t stored_index = 0;  // entries up to here are durable in the own log
    std::uint64_t log_bytes = 0, syncs = 0, entries = 0, first_index = 0;
    std::uint64_t appended_bytes = 0;  // to the log since the start; log_bytes shrinks with every checkpoint
    std::uint64_t frames_sent = 0, frames_received = 0, frames_dropped = 0, bytes_sent = 0;  // peers
};

class Replica {
 public:
    // Makes the folder and bootstraps a cluster of one when it is empty; otherwise loads and checks it.
    // `checkpoint_meta`: what snapshot_meta() returned for the state machine's durable checkpoint ("" if
    // none); entries up to it are not applied again.
    static Result<std::unique_ptr<Replica>> open(ReplicaOptions options, StateMachine& machine,
                                                 std::string_view checkpoint_meta);
    virtual ~Replica() = default;  // stops

    // Prepares the folder of a stopped replica for the state machine's checkpoint with this meta, which came
    // from another node and is durable. Then open(options, machine, checkpoint_meta).
    // A folder without identity becomes that of the new node options.node_id in `cluster`: joining. Never
    // call it for a node id that was used before on another folder: it has forgotten what it voted. Term and
    // vote are kept (the term raised to the checkpoint's). Entries after the checkpoint are kept when the log
    // holds exactly its (index, term), since they may have been acknowledged; otherwise the log is emptied
    // and goes on at index + 1. A crash at any step leaves a folder that open() accepts with the old
    // checkpoint as before, or with the new one; repeating the call finishes it.
    // Errors: invalid_argument (another node's or cluster's folder; a checkpoint older than what the log
    // still holds; no cluster for a new folder), unavailable (in use), corruption, io, no_space.
    static Result<void> install(const ReplicaOptions& options, std::string_view checkpoint_meta,
                                const std::optional<ClusterId>& cluster = std::nullopt);
    // Makes this node, whatever its role, the only voter of the cluster: of a stopped replica, when all other
    // voters are lost or given up. What they acknowledged and this node never got is lost, and the old voters
    // must never serve again: the caller has made sure, or makes them hear that they were removed. A
    // crash leaves the folder as it was, in a higher term, or taken over. Returns where.
    // Errors: as open(); invalid_argument when the node never was a member.
    static Result<Position> take_over(const ReplicaOptions& options, std::string_view checkpoint_meta);
    // The folder of a stopped replica is older than its marker, and counts all the same: a backup of a single
    // node was put back. False: it was not older. A folder without a log gives its marker up. Errors: as
    // open().
    static Result<bool> accept_older(const ReplicaOptions& options);
    // The most that folder and marker say about what this node promised. Errors: as open().
    static Result<Promise> remembered(const ReplicaOptions& options);
    // nullopt: nobody's folder yet. Any time. Errors: corruption, io.
    static Result<std::optional<FolderIdentity>> identity(const std::string& folder);

    // Once. Set the callbacks below before.
    virtual Result<void> start() = 0;
    // Joins the threads; proposals not yet committed have no outcome. Not from a callback.
    virtual void stop() = 0;

    // Any thread. `done` is called once, on the loop thread: the position, or unavailable (not leader,
    // stopping). On the calling thread, before propose() returns: too_large (kMaxEntryBytes), overloaded (the
    // queue beyond the window is full; one who waits for ready() never meets it), unavailable (stopped).
    // A position is not an acknowledgement: the entry counts when apply() is called with the same position,
    // which is always after `done` returned. When leadership is lost in between, the entry may still be
    // committed, or the entry of a later term may take its index: the proposer compares the term, and gives
    // up on a position when another term's entry was applied at its index.
    using Accepted = std::function<void(Result<Position>)>;
    virtual void propose(std::string payload, Accepted done) = 0;
    // True while this node leads, fewer than max_inflight_entries are unpersisted and apply() is not too far
    // behind. on_ready is called (loop thread) when it becomes true, also for the first time.
    [[nodiscard]] virtual bool ready() const = 0;
    [[nodiscard]] virtual bool log_pressure() const = 0;
    [[nodiscard]] virtual Role role() const = 0;

    // Apply thread, inside or right after apply() of `index`: the opaque meta of a checkpoint at that index
    // (index, term, configuration). Entries may be applied before the own log has them on disk, since the
    // others do; a checkpoint must not be durable before its entry is: see stats().stored_index. `index` is
    // that of the newest command, or the newest applied_index.
    [[nodiscard]] virtual std::string snapshot_meta(std::uint64_t index) const = 0;
    // Any thread: the state machine's checkpoint with this meta is durable; the log before it may go (all but
    // trailing_entries, in whole segments). An older one than before is ignored.
    virtual void checkpointed(std::string snapshot_meta) = 0;

    [[nodiscard]] virtual ReplicaStats stats() const = 0;
    [[nodiscard]] virtual Promise promise() const = 0;  // any thread: what others may remember of this node

    // --- The cluster. All from any thread.

    // What the transport received from the authenticated node `from`. Never blocks; dropped when malformed
    // (counted in stats) or when the inbox is full.
    virtual void receive(std::uint64_t from, std::string frame) = 0;
    virtual void link_changed(std::uint64_t node_id, bool is_up) = 0;

    [[nodiscard]] virtual ClusterId cluster_id() const = 0;
    [[nodiscard]] virtual ClusterView cluster_view() const = 0;
    [[nodiscard]] virtual std::uint64_t leader_id() const = 0;  // 0: not known
    // Since the leader was last heard; 0 on the leader, kNeverMs when it never was since the start.
    [[nodiscard]] virtual std::uint64_t last_leader_contact_ms() const = 0;
    // A node that stood still cannot tell what it finds waiting from what is said now. A follower believes
    // its leader again when that one answered a question which was asked (Clock::boot_ms) after the stop.
    virtual void leader_confirmed(std::uint64_t asked_ms, std::uint64_t commit_index) = 0;
    // This node leads, and everything that was in its log when it was elected is committed and applied (if
    // that was more than was known to be committed, an entry of its own term is the last of it): its state
    // machine knows all that any leader acknowledged before. Falls with the leadership.
    [[nodiscard]] virtual bool leader_caught_up() const = 0;

    // `done` once, on the loop thread (on the calling one when the replica is stopping). On success the
    // change is committed, at this position. Errors: unavailable "retry: ..." (not the leader, another change
    // or a transfer on its way, a voter is behind or does not answer, the promoted node has not caught up,
    // leadership lost in between: look at cluster_view() for the outcome), already_exists (a member, or that
    // role, already), not_found (no member), invalid_argument (never possible like this: the leader itself:
    // transfer first). A dead voter can be removed or demoted as long as a majority of those that remain
    // answers.
    using Changed = std::function<void(Result<Position>)>;
    virtual void change(MembershipChange change, Changed done) = 0;
    // Hands leadership to a voter; proposals answer unavailable meanwhile. `done` once, on the loop thread:
    // this node no longer leads. Errors: unavailable "retry: ..." (not the leader, the target is behind or
    // did not take over in an election time-out), invalid_argument (not another voter).
    virtual void transfer(std::uint64_t node_id, std::function<void(Result<void>)> done) = 0;
    // While a peer copies a checkpoint of this node: entries after `index` stay in the log beyond
    // trailing_entries, unless it is short of space. 0: no longer.
    virtual void hold_log(std::uint64_t index) = 0;

    // This node had better not lead: without a leader it waits so much longer than an election time-out
    // before it offers itself, so that the others do first. 0: no longer. It votes as before.
    virtual void hold_back(std::uint64_t ms) = 0;

    std::function<void()> on_ready;
    std::function<void(Role)> on_role;             // loop thread
    std::function<void(std::uint64_t)> on_leader;  // loop thread; 0: not known any more
    // Loop thread, at most once. From then on this replica is deaf and dumb, as if crashed: stop it, fetch
    // the state out of band, install(), and open a new one.
    std::function<void(SnapshotNeeded)> on_snapshot_needed;
    // A thread of its own: a group of entries is on our disk, which took so long. For a histogram.
    std::function<void(std::uint64_t us)> on_written;
    std::function<void(const Error&)> on_stop;  // loop thread, once. Fatal: the process must end
};

}  // namespace kontor::replication

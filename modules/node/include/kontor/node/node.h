#pragma once
// The node: proposer, replicated log, state machine and store in one, behind machine::Service.
//
//   submit() -> queue -> [proposer] batch, zstd -> log -> commit -> [apply] Machine -> store -> done()
//
// Commands that arrive while the last batch is in flight become the next batch (group commit). Level 5, since
// it joins replication, store and payments: docs/adr/0004.
//
// Threading: every public function may be called from any thread unless it says otherwise.
// Ownership: owns store, log and their threads; destroy it after everything that submits or reads.
// Errors: any storage failure or corruption stops the node: on_fatal is called once, and nothing is
// acknowledged afterwards. Limits: NodeOptions; format of an entry: docs/formats/entry.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/base/clock.h"
#include "kontor/base/object_id.h"
#include "kontor/base/result.h"
#include "kontor/cache/row_cache.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/machine/service.h"
#include "kontor/replication/replica.h"
#include "kontor/store/entry_hash.h"
#include "kontor/store/store.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::node {

// This node's place in a cluster (docs/adr/0007). Without a transport it is a cluster of one for ever.
struct Membership {
    std::uint64_t node_id = 1;
    replication::ClusterId cluster{};                 // of a node that has joined: its log is made for it
    replication::PeerTransport* transport = nullptr;  // outlives the node
    // There may be others: start() does not wait for leadership, and ready() follows the role.
    bool is_member = false;
    // What a node begins with that is taken in anew under its number (replication::ReplicaOptions::renewed).
    std::optional<replication::Promise> renewed;
    bool has_log = false;  // a log that is missing was lost
    // An operator accepted an older copy: until take_over() it neither leads nor answers, also where its log
    // knows of nobody else.
    bool waits_for_take_over = false;
    std::uint64_t election_timeout_ms = 1000, heartbeat_ms = 100;
    // A follower that has not heard of its leader for so long no longer answers reads by itself.
    std::uint64_t max_staleness_ms = 5'000;
    // Called when this node begins or ceases to lead: with everything applied that any leader acknowledged.
    // On a thread of the node; keep it short.
    std::function<void(bool leads)> on_leads;
    // The leader no longer has the entries that this node lacks: copy the state, then install(). Once until
    // then; on a thread of the node.
    std::function<void(const replication::SnapshotNeeded&)> on_state_needed;
};

inline constexpr std::uint64_t kMaxRowCacheBytes = 160ULL << 20;

struct NodeOptions {
    std::string folder;  // a node's data folder: holds groups/ (folder.h)
    std::string marker;  // as in replication::ReplicaOptions
    unsigned partitions = 8;
    // Rows in memory: accounts newer than their partition or in use, and a quarter (at most
    // kMaxRowCacheBytes) for other rows in use.
    std::uint64_t cache_bytes = 256ULL << 20;
    std::uint64_t redo_bytes = 2ULL << 30;  // as in StoreOptions
    std::uint64_t memtable_bytes = 64ULL << 20;
    std::uint64_t checkpoint_interval_ms = 5'000;
    std::uint64_t map_bytes = 256ULL << 30;         // sparse address space of a partition
    std::uint64_t check_up_to_bytes = 64ULL << 20;  // as in StoreOptions
    std::uint64_t max_log_bytes = 1ULL << 30;
    std::uint64_t log_segment_bytes = 64ULL << 20;
    // Free bytes on the disk below which commands are refused (no_space) and reads go on. 0: what a log
    // segment and the checkpoints of two memtables may take, at most an eighth of the disk.
    std::uint64_t min_free_bytes = 0;
    std::uint64_t max_queue_bytes = 64ULL << 20;  // commands waiting for a batch; above: overloaded (429)
    std::uint64_t max_queue_commands = 100'000;
    // Of one log entry, whose rows and audit records are in memory until it is applied: up to about 1 MiB a
    // command (an object of 100 KiB, in rows and in events).
    std::size_t max_batch_commands = 16'384;  // kMaxCommandsPerBatch at most
    std::uint64_t channel_wait_ms = 25'000;   // how long a request waits for its channel
    std::uint64_t tick_ms = 200;              // how often the node looks for due work
    bool read_only = false;                   // only look: nothing is written, no command is taken (verify)
    bool dev = false;                         // recorded in the instance row at the first start
    std::uint64_t last_index = kMaxLogIndex;  // test seam: where the log's indexes end
    Membership membership;
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    // Where the salts of entries come from; called by one thread at a time. Not to be foreseen, but in tests.
    std::function<std::string(std::size_t)> random_bytes = [](std::size_t n) {
        return crypto::random_bytes(n);
    };
    std::function<void(const char* step)> crash_point;  // test seam: passed to store and log
    std::function<void(const Error&)> on_fatal;
};

inline constexpr std::size_t kMaxIndexWaiters = 10'000;
inline constexpr double kWarnIndexUsed = 0.8;  // of NodeStats::index_used

struct NodeStats {
    replication::ReplicaStats log;
    replication::Role role = replication::Role::starting;
    store::StoreStats store;
    cache::CacheStats cache;  // the row cache, and the accounts that the store keeps in memory
    std::uint64_t applied_index = 0;
    std::uint64_t queue_bytes = 0, queue_commands = 0;
    bool ready = false;
    double index_used = 0;  // share of the log's indexes, 0 to 1
    // The wall clock: how often it was set, by how much last (forward is positive), how far it lies before
    // the log's highest UTC.
    std::uint64_t clock_steps = 0;
    std::int64_t clock_last_step_ms = 0, clock_behind_log_ms = 0;
};

class Node : public machine::Service {
 public:
    // Opens the data folder, recovers, replays the log and makes the node ready. Blocks until then.
    // On a new folder it also makes the instance row.
    static Result<std::unique_ptr<Node>> start(NodeOptions options);

    // Refuses new commands, waits for those in flight (at most 5 s), checkpoints, stops all threads.
    virtual void stop() = 0;
    [[nodiscard]] virtual bool ready() const = 0;
    // Why commands are refused although all else is well: a disk without room. "": they are not.
    [[nodiscard]] virtual std::string full_disk() const = 0;
    // Why they are refused for ever: no numbers are left for objects (docs/formats/numbers.md). "": they are
    // not.
    [[nodiscard]] virtual std::string full_index() const = 0;
    [[nodiscard]] virtual NodeStats stats() const = 0;
    [[nodiscard]] virtual std::string state_hash() const = 0;
    // For verify and rebuilds: every row of a table, under read().
    virtual void for_each(const store::Reader& rows, store::TableId table,
                          const store::Reader::Visitor& visit) const = 0;
    // The leader says that it is this time by its machine time (machine_now_ms).
    virtual void hear_machine_time(std::int64_t machine_ms) = 0;
    // The rows as of the newest checkpoint, for visits that take long (store::CheckpointView). Destroy it
    // before stop().
    [[nodiscard]] virtual Result<std::unique_ptr<store::CheckpointView>> view_checkpoint() const = 0;
    // Makes a checkpoint now and waits until it is durable. A node that does not lead makes it at the
    // leader's next entry; without one in a second it only waits for what is under way.
    [[nodiscard]] virtual Result<void> checkpoint() = 0;

    // --- The cluster. Any thread.
    [[nodiscard]] virtual replication::Promise promise() const = 0;   // generation 0: not known just now
    virtual void receive(std::uint64_t from, std::string frame) = 0;  // what the transport brought
    virtual void link_changed(std::uint64_t node_id, bool is_up) = 0;
    [[nodiscard]] virtual replication::ClusterId cluster_id() const = 0;
    [[nodiscard]] virtual replication::ClusterView cluster_view() const = 0;
    [[nodiscard]] virtual std::uint64_t leader_id() const = 0;  // 0: not known
    // Leads now, as far as can be known: a majority answered it within an election time-out (and within
    // max_staleness_ms). Cheap, and true of the moment of the call even when the process stood still before.
    [[nodiscard]] virtual bool leads() const = 0;
    // The term that it leads in; 0: it does not lead. In one term there is one leader.
    [[nodiscard]] virtual std::uint64_t leading_term() const = 0;
    // How old what this node knows may be, measured when it is asked: on the leader since a majority last
    // answered it, elsewhere since the leader said what this node has applied by now. replication::kNeverMs:
    // never heard of a leader.
    [[nodiscard]] virtual std::uint64_t staleness_ms() const = 0;
    // It leads, or what it knows is not older than max_staleness_ms; of one that led and has heard no other
    // leader since, not older than an election time-out: a new leader may have come after that.
    [[nodiscard]] virtual bool may_answer_reads() const = 0;
    // Since the leader was last heard, whatever this node knows by now; 0 on the leader.
    [[nodiscard]] virtual std::uint64_t leader_silence_ms() const = 0;
    // See replication::Replica.
    virtual void leader_confirmed(std::uint64_t asked_ms, std::uint64_t commit_index) = 0;
    // `done` exactly once: true when everything up to `index` is applied here, false after `timeout_ms`. On
    // the calling thread or one of the node's; keep it short. Beyond kMaxIndexWaiters: false at once.
    virtual void wait_applied(std::uint64_t index, std::uint64_t timeout_ms,
                              std::function<void(bool)> done) = 0;
    virtual void change_membership(replication::MembershipChange change,
                                   replication::Replica::Changed done) = 0;
    // See replication::Replica.
    virtual void hold_back(std::uint64_t ms) = 0;
    virtual void transfer_leadership(std::uint64_t to, std::function<void(Result<void>)> done) = 0;

    // This node was single and is now the first of a cluster.
    virtual void become_member() = 0;
    // One answer to a node that copies the state (state_transfer::answer); reads the disk. The log keeps what
    // the copy will need after it.
    [[nodiscard]] virtual Result<std::string> answer_state_request(std::string_view request) = 0;
    // Of the newest entries; 0: of the newest. nullopt: too old, or not yet applied.
    [[nodiscard]] virtual std::optional<store::EntryHash> entry_hash(std::uint64_t index) const = 0;
    // See store::Store.
    [[nodiscard]] virtual std::optional<store::EntryHash> entry_hash_from(std::uint64_t index) const = 0;
    [[nodiscard]] virtual std::string entry_rows(std::uint64_t index, store::TableId table,
                                                 unsigned partition) const = 0;

    // This node becomes the only voter (replication::Replica::take_over). Not on a thread of the node.
    [[nodiscard]] virtual Result<void> take_over() = 0;

    // The finished copy of another node's state (store::incoming_folder) takes the place of this one's. Reads
    // answer StoreFailure meanwhile; ready() is false. An error is fatal. Not on a thread of the node.
    [[nodiscard]] virtual Result<void> install() = 0;
    // Blocking convenience for commands and start-up; not for network threads. Calls `use` with the answer.
    [[nodiscard]] Result<void> submit_and_wait(pb::Command command,
                                               const std::function<void(const machine::Answer&)>& use);
};

}  // namespace kontor::node

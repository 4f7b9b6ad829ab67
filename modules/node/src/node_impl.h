#pragma once
// Node's threads: the proposer (batches, ticks, time-outs of waiters) and, through replication::StateMachine,
// the apply thread. Lock order: none is held while calling another module, except the store's entry lock in
// apply().

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "domains/all.h"
#include "index_room.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/node/node.h"
#include "node_time.h"
#include "proposals.h"
#include "space_guard.h"

namespace kontor::node {

inline constexpr const char* kFailedText = "this node has stopped after a failure; see its log";
inline constexpr std::size_t kEntryBlockBytes = 128U
                                                << 10U;  // of an entry's commands, before more is asked for
inline constexpr unsigned kFailureLookMs = 50;           // how often who waits looks whether the node failed

[[nodiscard]] pb::Command tick_command();

class NodeImpl final : public Node, private replication::StateMachine {
 public:
    explicit NodeImpl(NodeOptions options);
    ~NodeImpl() override;
    [[nodiscard]] Result<void> open();

    void submit(pb::Command command, Done done) override;
    void read(const ReadBody& body) const override;
    std::uint64_t subscribe(OnEntry on_entry) override;
    void unsubscribe(std::uint64_t subscription) override;
    void stop() override;
    bool ready() const override;
    std::int64_t machine_now_ms() const override { return machine_time_.now(); }
    void hear_machine_time(std::int64_t machine_ms) override { machine_time_.hear(machine_ms); }
    std::string full_disk() const override { return space_.text(); }
    std::string full_index() const override { return index_room_.text(); }
    NodeStats stats() const override;
    std::string state_hash() const override {
        const std::shared_lock open(swap_mutex_);
        return store_->state_hash();
    }
    void for_each(const store::Reader& rows, store::TableId table,
                  const store::Reader::Visitor& visit) const override {
        store_->for_each(rows, table, visit);
    }
    Result<std::unique_ptr<store::CheckpointView>> view_checkpoint() const override;
    Result<void> checkpoint() override;

    void receive(std::uint64_t from, std::string frame) override;
    void link_changed(std::uint64_t node_id, bool is_up) override;
    replication::Promise promise() const override;
    replication::ClusterId cluster_id() const override;
    replication::ClusterView cluster_view() const override;
    std::uint64_t leader_id() const override;
    bool leads() const override { return leading_term() != 0; }
    std::uint64_t leading_term() const override {
        const std::uint64_t term = leads_in_.load(std::memory_order_acquire);
        return term != 0 && knows_now() ? term : 0;  // the clock last: the process may stand still before it
    }
    std::uint64_t staleness_ms() const override;
    bool may_answer_reads() const override;
    std::uint64_t leader_silence_ms() const override;
    void leader_confirmed(std::uint64_t asked_ms, std::uint64_t commit_index) override;
    void wait_applied(std::uint64_t index, std::uint64_t timeout_ms, std::function<void(bool)> done) override;
    void change_membership(replication::MembershipChange change, replication::Replica::Changed done) override;
    void hold_back(std::uint64_t ms) override;
    void transfer_leadership(std::uint64_t to, std::function<void(Result<void>)> done) override;
    void become_member() override;
    Result<std::string> answer_state_request(std::string_view request) override;
    std::optional<store::EntryHash> entry_hash(std::uint64_t index) const override;
    std::optional<store::EntryHash> entry_hash_from(std::uint64_t index) const override;
    std::string entry_rows(std::uint64_t index, store::TableId table, unsigned partition) const override;
    Result<void> take_over() override;
    Result<void> install() override;

 private:
    std::uint64_t keys_version() const override { return keys_version_.load(std::memory_order_acquire); }
    void apply(replication::Position at, std::string_view payload) override;

    Result<void> open_store();
    [[nodiscard]] store::StoreOptions store_options();
    [[nodiscard]] std::uint64_t row_cache_bytes() const {
        return std::min(options_.cache_bytes / 4, kMaxRowCacheBytes);
    }
    Result<void> open_log();
    Result<void> first_command();
    Result<void> wait_for_old_entries();
    void look_at_space();
    void look_at_index();
    void end_waits_without_room(std::uint64_t now);
    void freeze_rest();
    [[nodiscard]] bool wait_for_space(std::uint64_t bytes, unsigned failed);
    void register_metrics();
    void run_proposer();
    bool propose_batch();
    void propose_waiting();
    void propose_from_outside();
    void look_at_copies(std::uint64_t now);
    void propose_tick_if_due();
    [[nodiscard]] bool has_due_work() const;
    [[nodiscard]] Result<void> check_level(const pb::Command& command) const;
    [[nodiscard]] static Result<void> check_features(std::uint32_t level);
    void expire_waiters();
    void fail_everything();
    void look_at_role();
    void tell_index_waiters(std::uint64_t applied_index, std::uint64_t now_ms);
    [[nodiscard]] replication::ReplicaOptions replica_options();
    // Closes log and store, calls `closed`, opens the store, calls `before_log`, and goes on from the
    // checkpoint.
    [[nodiscard]] Result<void> reopen(const std::function<Result<void>()>& closed,
                                      const std::function<Result<void>()>& before_log);
    [[nodiscard]] bool follows() const;
    [[nodiscard]] bool knows_now() const {
        const std::uint64_t known_at = known_at_ms_.load(std::memory_order_acquire);
        return known_at == replication::kNeverMs || options_.clock->boot_ms() <= known_at + lease_ms_;
    }
    void answer(Flight& flight, machine::Effects& effects, std::uint64_t index);
    void checkpoint_if_due(std::uint64_t index);
    void fatal(const Error& error) const;
    [[nodiscard]] Error fatal_error() const;  // once failed_
    [[nodiscard]] Error store_failure(const store::StoreFailure& failure) const;
    void wake();
    [[nodiscard]] static std::uint64_t new_keys_version();
    static void fail_flights(std::vector<Flight> flights, const Error& why);

    NodeOptions options_;
    const std::uint64_t lease_ms_;  // since a majority last answered: so long nobody else leads
    SpaceGuard space_;
    IndexRoom index_room_;
    std::unique_ptr<cache::RowCache> cache_;
    // Shared by all that use store_ or replica_ from outside; exclusive while install() replaces them. The
    // node's own threads need none: they are joined before.
    mutable std::shared_mutex swap_mutex_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<replication::Replica> replica_;
    domains::Machine machine_;  // apply thread
    MachineTime machine_time_;
    WallWatch wall_watch_;
    Proposals proposals_;
    telemetry::Histogram& log_write_time_;
    telemetry::Histogram& apply_time_;
    std::unique_ptr<char[]> entry_block_ = std::make_unique<char[]>(kEntryBlockBytes);  // apply thread
    telemetry::Counter& applied_commands_;
    telemetry::Counter& refused_;

    // Proposing, one thread at a time: a thread that finds it taken leaves its commands to the one that has
    // it, which looks again.
    std::atomic<bool> proposing_{false};
    std::atomic<std::uint64_t> propose_calls_{0};
    std::atomic<std::uint64_t> keys_version_{new_keys_version()};

    std::atomic<bool> ready_{false};
    std::atomic<std::uint64_t> leads_in_{0};  // term, as the proposer last saw it; 0: it does not lead
    // For a disk without room.
    std::atomic<bool> takes_no_entries_{false}, gives_up_waiting_{false}, has_started_{false};
    std::atomic<std::uint64_t> known_at_ms_{0};  // see replication::ReplicaOptions
    std::atomic<bool> known_by_own_lead_{false};
    std::atomic<bool> waits_for_take_over_{false};  // see Membership
    std::atomic<bool> installing_{false};
    std::atomic<std::uint64_t> last_leader_{0};
    std::atomic<bool> is_member_{false};
    std::atomic<bool> holds_log_{false};       // for a copy of the state
    std::atomic<std::uint64_t> copied_ms_{0};  // when the last copy was under way
    std::uint64_t no_room_since_ms_ = 0;       // proposer thread; 0: there is room
    std::uint64_t lost_leadership_ms_ = 0;  // proposer thread; 0: it has not, or all flights are dealt with
    struct IndexWaiter {
        std::uint64_t index, deadline_ms;
        std::function<void(bool)> done;
    };
    std::mutex index_waiters_mutex_;
    std::vector<IndexWaiter> index_waiters_;       // guarded by index_waiters_mutex_
    std::atomic<std::size_t> n_index_waiters_{0};  // so that apply() need not lock
    std::atomic<bool> tick_in_flight_{false};
    std::atomic<bool> tick_again_{false};
    // checkpoint() takes a ticket; the apply thread has frozen for all tickets up to the served one.
    std::atomic<std::uint64_t> checkpoints_asked_{0}, checkpoints_served_{0};
    std::atomic<std::uint64_t> dirty_since_ms_{0};  // monotonic; 0: nothing since the last freeze
    mutable std::atomic<bool> failed_{false};
    mutable std::mutex failure_mutex_;
    mutable Error failure_{ErrorCode::internal, ""};  // guarded by failure_mutex_; set before failed_

    std::mutex mutex_;
    std::condition_variable changed_;
    bool wake_ = false, stopping_ = false, stopped_ = false;  // guarded by mutex_
    std::thread proposer_;

    std::mutex
        subscribers_mutex_;  // held while they are called: unsubscribe() returns when no call is under way
    std::map<std::uint64_t, OnEntry> subscribers_;
    std::uint64_t next_subscription_ = 1;
};

}  // namespace kontor::node

// What the node does because there are others: roles, waiting for an index, and taking over another node's
// state.

#include <algorithm>

#include "kontor/base/log.h"
#include "kontor/log.pb.h"
#include "kontor/machine/service.h"
#include "kontor/node/folder.h"
#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/replace_folder.h"
#include "node_impl.h"

namespace kontor::node {
namespace {

constexpr std::uint64_t kOutcomeWaitMs = 800;  // for entries that a former leader has under way
constexpr std::uint64_t kLeaderForgottenMs = 5'000;
constexpr std::uint64_t kReadyBacklog = 64;  // committed entries that a follower may still have to apply
constexpr const char* kLostText = "another node took over; the outcome is not known";

// Its holder keeps install() from closing the store under it.
class HeldView final : public store::CheckpointView {
 public:
    HeldView(std::shared_lock<std::shared_mutex> open, std::unique_ptr<store::CheckpointView> view)
        : open_(std::move(open)), view_(std::move(view)) {}
    const store::CheckpointMeta& meta() const override { return view_->meta(); }
    const store::Reader& reader() const override { return view_->reader(); }
    Result<void> for_each(store::TableId table, const store::Reader::Visitor& visit) override {
        return view_->for_each(table, visit);
    }

 private:
    std::shared_lock<std::shared_mutex> open_;
    std::unique_ptr<store::CheckpointView> view_;  // destroyed first
};

}  // namespace

bool NodeImpl::ready() const {
    if (!ready_.load(std::memory_order_acquire) && !is_member_.load()) return false;
    if (failed_.load(std::memory_order_acquire) || installing_.load(std::memory_order_acquire)) return false;
    if (!is_member_.load() || leads()) return true;
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !replica_ || !may_answer_reads()) return false;
    const auto stats = replica_->stats();
    return replica_->role() == replication::Role::follower &&
           stats.commit_index <= stats.applied_index + kReadyBacklog;
}

// True when somebody else leads, or nobody: a proposal has no way into the log here.
bool NodeImpl::follows() const {
    if (!is_member_.load()) return false;
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    return !open || !replica_ || replica_->role() != replication::Role::leader;
}

Result<std::unique_ptr<store::CheckpointView>> NodeImpl::view_checkpoint() const {
    std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open) return fail(ErrorCode::unavailable, "this node is taking over a state");
    KONTOR_TRY(auto view, store_->view_checkpoint());
    return std::unique_ptr<store::CheckpointView>(
        std::make_unique<HeldView>(std::move(open), std::move(view)));
}

void NodeImpl::receive(std::uint64_t from, std::string frame) {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (open.owns_lock() && replica_) replica_->receive(from, std::move(frame));
}

void NodeImpl::link_changed(std::uint64_t node_id, bool is_up) {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (open.owns_lock() && replica_) replica_->link_changed(node_id, is_up);
}

replication::Promise NodeImpl::promise() const {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    return open && replica_ ? replica_->promise() : replication::Promise{};
}

replication::ClusterId NodeImpl::cluster_id() const {
    const std::shared_lock open(swap_mutex_);
    return replica_->cluster_id();
}

replication::ClusterView NodeImpl::cluster_view() const {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    replication::ClusterView view = open && replica_ ? replica_->cluster_view() : replication::ClusterView{};
    if (waits_for_take_over_.load()) view.role = replication::Role::follower;  // a sole voter elects itself
    return view;
}

std::uint64_t NodeImpl::leader_id() const {
    if (waits_for_take_over_.load()) return 0;
    // While the state is exchanged, the one that led before is the best guess for who asks.
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !replica_) return last_leader_.load();
    // Who never stands for election looks for no other leader: one that is silent for so long is none.
    const std::uint64_t forgotten_ms =
        std::max(kLeaderForgottenMs, 6 * options_.membership.election_timeout_ms);
    const bool is_silent = replica_->last_leader_contact_ms() > forgotten_ms;
    return is_silent && !installing_.load() ? 0 : replica_->leader_id();
}

std::uint64_t NodeImpl::staleness_ms() const {
    if (leads()) return 0;
    const std::uint64_t known_at = known_at_ms_.load(std::memory_order_acquire);
    if (known_at == 0 || known_at == replication::kNeverMs) return replication::kNeverMs;
    const std::uint64_t now = options_.clock->boot_ms();
    return now - std::min(now, known_at);
}

bool NodeImpl::may_answer_reads() const {
    const std::uint64_t limit_ms =
        known_by_own_lead_.load(std::memory_order_acquire) ? lease_ms_ : options_.membership.max_staleness_ms;
    return leads() || (staleness_ms() <= limit_ms && !waits_for_take_over_.load());
}

std::uint64_t NodeImpl::leader_silence_ms() const {
    if (leads()) return 0;
    if (waits_for_take_over_.load()) return replication::kNeverMs;
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    return open && replica_ ? replica_->last_leader_contact_ms() : replication::kNeverMs;
}

void NodeImpl::leader_confirmed(std::uint64_t asked_ms, std::uint64_t commit_index) {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (open && replica_) replica_->leader_confirmed(asked_ms, commit_index);
}

void NodeImpl::change_membership(replication::MembershipChange change, replication::Replica::Changed done) {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !replica_)
        return done(fail(ErrorCode::unavailable, "retry: this node is taking over a state"));
    replica_->change(change, std::move(done));
}

void NodeImpl::hold_back(std::uint64_t ms) {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (open && replica_) replica_->hold_back(ms);
}

void NodeImpl::transfer_leadership(std::uint64_t to, std::function<void(Result<void>)> done) {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !replica_)
        return done(fail(ErrorCode::unavailable, "retry: this node is taking over a state"));
    replica_->transfer(to, std::move(done));
}

void NodeImpl::wait_applied(std::uint64_t index, std::uint64_t timeout_ms, std::function<void(bool)> done) {
    std::uint64_t applied = 0;
    {
        const std::shared_lock open(swap_mutex_, std::try_to_lock);
        if (open && store_) applied = store_->applied_index();
    }
    if (applied >= index) return done(true);
    if (timeout_ms == 0) return done(false);
    bool taken = false;
    {
        const std::lock_guard lock(index_waiters_mutex_);
        if (index_waiters_.size() < kMaxIndexWaiters) {
            index_waiters_.push_back({index, options_.clock->monotonic_ms() + timeout_ms, std::move(done)});
            n_index_waiters_.store(index_waiters_.size());
            taken = true;
        }
    }
    if (!taken) return done(false);
    // It may have been applied between the look and the entry into the list.
    {
        const std::shared_lock open(swap_mutex_, std::try_to_lock);
        if (open && store_) applied = store_->applied_index();
    }
    if (applied >= index) tell_index_waiters(applied, options_.clock->monotonic_ms());
}

void NodeImpl::tell_index_waiters(std::uint64_t applied_index, std::uint64_t now_ms) {
    std::vector<IndexWaiter> over;
    {
        const std::lock_guard lock(index_waiters_mutex_);
        const auto is_over = [&](const IndexWaiter& waiter) {
            return waiter.index <= applied_index || waiter.deadline_ms <= now_ms;
        };
        const auto keep = std::partition(index_waiters_.begin(), index_waiters_.end(),
                                         [&](const IndexWaiter& waiter) { return !is_over(waiter); });
        over.assign(std::make_move_iterator(keep), std::make_move_iterator(index_waiters_.end()));
        index_waiters_.erase(keep, index_waiters_.end());
        n_index_waiters_.store(index_waiters_.size());
    }
    for (IndexWaiter& waiter : over) waiter.done(waiter.index <= applied_index);
}

// Proposer thread.
void NodeImpl::look_at_role() {
    const std::uint64_t term = replica_->stats().term;  // before: who has caught up did so in it or later
    const bool has_caught_up =
        replica_->leader_caught_up() && !installing_.load() && !waits_for_take_over_.load();
    // In a later one it leads as of the next look: who began work in this one must see that it is over.
    const bool now_leads = has_caught_up && replica_->stats().term == term;
    const std::uint64_t now = options_.clock->monotonic_ms();
    const std::uint64_t led_in = leads_in_.exchange(now_leads ? term : 0, std::memory_order_acq_rel);
    if (now_leads != (led_in != 0)) {
        log::info("node", std::string("event=role leads=") + (now_leads ? "yes" : "no") +
                              " term=" + std::to_string(replica_->cluster_view().term));
        if (options_.membership.on_leads) options_.membership.on_leads(now_leads);
    }
    if (replica_->role() == replication::Role::leader) {
        lost_leadership_ms_ = 0;
        // Of what an earlier leadership of ours left in the log, all that came through is applied. What did
        // not may have had an empty entry put in its place, and those never reach apply(): nothing else would
        // end it, and it would hold back all that comes.
        if (now_leads) fail_flights(proposals_.abandon_before(term), {ErrorCode::timeout, kLostText});
        return;
    }
    // What waits was never proposed, so it is safe to say so at once. What is under way may yet be committed
    // by the next leader; its clients are told when that is too long.
    for (Proposal& proposal : proposals_.take_all())
        if (proposal.done)
            proposal.done(fail(ErrorCode::unavailable, "this node is not the leader; try again shortly"));
    if (proposals_.idle()) return;
    if (lost_leadership_ms_ == 0) lost_leadership_ms_ = now;
    if (now < lost_leadership_ms_ + kOutcomeWaitMs) return;
    lost_leadership_ms_ = 0;
    fail_flights(proposals_.abandon_all(), {ErrorCode::timeout, kLostText});
}

void NodeImpl::become_member() {
    is_member_.store(true);
    wake();
}

Result<std::string> NodeImpl::answer_state_request(std::string_view request) {
    // A copy begins with the newest checkpoint: the younger it is, the less is to be caught up with.
    if (!holds_log_.load() && (leads() || !is_member_.load())) KONTOR_CHECK(checkpoint());
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !store_) return fail(ErrorCode::unavailable, "this node is taking over a state itself");
    if (store_->checkpoint().index == 0)
        return fail(ErrorCode::unavailable, "this node has no checkpoint yet");
    // The copy will stand for this checkpoint or a later one, and needs the entries after it.
    copied_ms_.store(options_.clock->monotonic_ms());
    if (!holds_log_.exchange(true)) replica_->hold_log(store_->checkpoint().index);
    return state_transfer::answer(store_->copy_source(), request);
}

std::optional<store::EntryHash> NodeImpl::entry_hash(std::uint64_t index) const {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !store_) return std::nullopt;
    return store_->entry_hash(index == 0 ? store_->applied_index() : index);
}

std::optional<store::EntryHash> NodeImpl::entry_hash_from(std::uint64_t index) const {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !store_) return std::nullopt;
    return store_->entry_hash_from(index);
}

std::string NodeImpl::entry_rows(std::uint64_t index, store::TableId table, unsigned partition) const {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !store_) return "";
    return store_->entry_rows(index, table, partition);
}

Result<void> NodeImpl::take_over() {
    const auto nothing = []() -> Result<void> { return {}; };
    return reopen(nothing, [this]() -> Result<void> {
        KONTOR_TRY([[maybe_unused]] const auto at,
                   replication::Replica::take_over(replica_options(), store_->checkpoint().replication_meta));
        waits_for_take_over_.store(false);
        return {};
    });
}

// The log first, then the store: its mark makes the next start finish or undo, whichever of the two states it
// finds. The other way round a crash in between leaves a store that the log knows nothing of.
Result<void> NodeImpl::install() {
    installing_.store(true);
    const std::string live = store_folder(options_.folder);
    const std::string incoming = store::incoming_folder(live);
    const auto exchange = [&]() -> Result<void> {
        std::string meta;
        {
            store::StoreOptions copied = store_options();
            copied.folder = incoming;
            copied.partitions = 0;
            copied.cache = nullptr;
            KONTOR_TRY(const auto store, store::Store::open(std::move(copied)));
            meta = store->checkpoint().replication_meta;
        }
        KONTOR_CHECK(replication::Replica::install(replica_options(), meta));
        return store::replace_store_folder(live, incoming, options_.crash_point);
    };
    KONTOR_CHECK(reopen(exchange, []() -> Result<void> { return {}; }));
    // Those who follow the entries have missed some.
    const std::lock_guard lock(subscribers_mutex_);
    machine::AppliedEntry entry;
    entry.log_index = store_->applied_index();
    entry.audit_records = std::make_shared<const std::vector<pb::AuditRecord>>();
    entry.outbox_changed = true;
    entry.is_gap = true;
    for (const auto& [id, on_entry] : subscribers_) on_entry(entry);
    return {};
}

Result<void> NodeImpl::reopen(const std::function<Result<void>()>& closed,
                              const std::function<Result<void>()>& before_log) {
    // The proposer goes first: it looks at store and log.
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return fail(ErrorCode::unavailable, "this node is stopping");
        stopping_ = true;
    }
    changed_.notify_all();
    if (proposer_.joinable()) proposer_.join();
    if (leads_in_.exchange(0) != 0 && options_.membership.on_leads) options_.membership.on_leads(false);
    replica_->stop();  // before the lock: what its threads call may read
    const auto exchange = [&]() -> Result<void> {
        const std::unique_lock lock(swap_mutex_);
        replica_.reset();
        known_at_ms_.store(0);
        known_by_own_lead_.store(false);
        store_->wait_for_checkpoint();
        store_.reset();
        cache_ = std::make_unique<cache::RowCache>(row_cache_bytes());
        fail_flights(proposals_.abandon_all(), {ErrorCode::timeout, kLostText});
        KONTOR_CHECK(closed());
        KONTOR_CHECK(open_store());
        keys_version_.store(new_keys_version(), std::memory_order_release);
        KONTOR_CHECK(before_log());
        KONTOR_CHECK(open_log());
        dirty_since_ms_.store(0);
        return replica_->start();
    };
    if (auto done = exchange(); !done) {
        fatal(done.error());
        return done;
    }
    installing_.store(false);
    {
        const std::lock_guard lock(mutex_);
        stopping_ = false;
    }
    proposer_ = std::thread([this] { run_proposer(); });
    return {};
}

}  // namespace kontor::node

// From what waits to the log: batches, and the proposer thread's regular work (ticks, roles, waiters).

#include <pthread.h>

#include <utility>

#include "domains/all.h"
#include "entry.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/chain.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/service.h"
#include "kontor/machine/times.h"
#include "kontor/store/copy_source.h"
#include "node_impl.h"

namespace kontor::node {
namespace {

// About 20 ms of apply(): nobody waits longer for an entry's end. Two full batches of the ledger API; how
// many commands an entry has is another limit.
constexpr std::uint64_t kMaxBatchWeight = 16'384;
static_assert(kMaxBatchWeight >= ledger::kMaxBatch);
constexpr std::uint64_t kRoleLookMs = 10;  // while a leader learns what was committed before it
constexpr std::uint64_t kHoldAfterCopyMs = 30'000;
constexpr std::uint64_t kFullDiskWaitMs = 1'000;  // for an entry that was under way when the room ended

}  // namespace

pb::Command tick_command() {
    pb::Command command = machine::new_command(pb::Actor::SYSTEM);
    mutable_body(command, pb::tick);
    return command;
}

void NodeImpl::run_proposer() {
    pthread_setname_np(pthread_self(), "proposer");
    std::uint64_t last_tick = 0;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const bool learns =
            is_member_.load() && replica_->role() == replication::Role::leader && leads_in_.load() == 0;
        changed_.wait_for(lock, std::chrono::milliseconds(learns ? kRoleLookMs : options_.tick_ms),
                          [this] { return wake_ || stopping_; });
        wake_ = false;
        lock.unlock();
        const std::uint64_t now = options_.clock->monotonic_ms();
        // A checkpoint that failed is noticed here when nothing is applied any more.
        if (auto background = store_->failure(); !background) fatal(background.error());
        if (failed_.load(std::memory_order_acquire)) fail_everything();
        if (is_member_.load()) look_at_role();
        look_at_copies(now);
        look_at_space();
        look_at_index();
        end_waits_without_room(now);
        if (n_index_waiters_.load(std::memory_order_relaxed) != 0)
            tell_index_waiters(store_->applied_index(), now);
        if (now >= last_tick + options_.tick_ms || tick_again_.exchange(false)) {
            last_tick = now;
            wall_watch_.look();
            propose_tick_if_due();
            expire_waiters();
        }
        propose_waiting();
        lock.lock();
    }
}

// A change of threads costs more than making a small entry: each thread proposes what it has itself.
void NodeImpl::propose_waiting() {
    propose_calls_.fetch_add(1);
    while (!proposing_.exchange(true)) {
        const std::uint64_t calls = propose_calls_.load();
        while (propose_batch()) {
        }
        proposing_.store(false);
        if (propose_calls_.load() == calls) return;
    }
}

// On a thread that may meet an exchange of the state.
void NodeImpl::propose_from_outside() {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (open && replica_)
        propose_waiting();
    else
        wake();
}

// False: nothing waits, or enough is under way (its end wakes us). Commands meanwhile become the next batch.
bool NodeImpl::propose_batch() {
    if (!replica_->ready() || failed_.load(std::memory_order_relaxed)) return false;
    if (!proposals_.worth_proposing()) return false;
    std::vector<Proposal> batch =
        proposals_.take({kTargetBatchBytes, kMaxBatchWeight, options_.max_batch_commands});
    if (batch.empty()) return false;
    pb::Batch head = machine::new_batch(options_.random_bytes(machine::kSaltBytes));
    machine_time_.begin();
    head.set_machine_ms(machine_time_.now());
    head.set_utc_ms(options_.clock->wall_ms());  // house: wall: this is where it enters the log
    std::string message = head.SerializeAsString();
    for (const Proposal& proposal : batch) append_command(message, proposal.command);
    const std::uint64_t flight_id = proposals_.launch(batch);
    replica_->propose(encode_entry(message), [this, flight_id](Result<replication::Position> position) {
        if (position) {
            proposals_.accepted(flight_id, *position);
        } else if (auto flight = proposals_.abandon(flight_id)) {
            std::vector<Flight> one;
            one.push_back(*std::move(flight));
            fail_flights(std::move(one), {ErrorCode::unavailable, position.error().message});
            wake();
        }
    });
    return true;
}

// Who has got the copy starts with it, is let in, and then asks for what came since.
void NodeImpl::look_at_copies(std::uint64_t now) {
    if (!holds_log_.load()) return;
    if (store_->copy_source().stats().transfers != 0) return copied_ms_.store(now);
    if (now > copied_ms_.load() + kHoldAfterCopyMs && holds_log_.exchange(false)) replica_->hold_log(0);
}

bool NodeImpl::has_due_work() const {
    const std::int64_t utc = options_.clock->wall_ms();  // house: wall: calendars go by UTC
    bool has_work = false;
    read([&](const store::Reader& rows, std::uint64_t) {
        has_work = machine::is_due(machine::next_due(domains::registry(), rows),
                                   machine::times_at(rows, machine_time_.now(), utc));
    });
    return has_work;
}

void NodeImpl::propose_tick_if_due() {
    if (!ready() || failed_.load() || tick_in_flight_.load() || options_.read_only) return;
    if (space_.refuses() || index_room_.refuses()) return;
    if (is_member_.load() && !leads()) return;
    bool has_work = false;
    try {
        has_work = has_due_work();
    } catch (const store::StoreFailure&) {
        return;  // fatal() was called
    }
    const std::uint64_t dirty = dirty_since_ms_.load();
    const bool old_rows =
        dirty != 0 && options_.clock->monotonic_ms() >= dirty + options_.checkpoint_interval_ms;
    if (!old_rows && !has_work) return;
    tick_in_flight_.store(true);
    submit(tick_command(), [this, has_work](const Result<machine::Answer>& answer) {
        tick_in_flight_.store(false);
        if (!answer || !has_work) return;
        tick_again_.store(true);  // one Tick does a bounded piece of work; more may be due
        wake();
    });
}

// Nothing lands any more: all that wait are told.
void NodeImpl::fail_everything() {
    for (Proposal& proposal : proposals_.close())
        if (proposal.done) proposal.done(fail(ErrorCode::unavailable, kFailedText));
    fail_flights(proposals_.abandon_all(),
                 {ErrorCode::timeout, "this node has stopped after a failure; the outcome is not known"});
    for (Waiter& waiter : proposals_.abandon_waiters())
        waiter.done(machine::Answer{waiter.interim, waiter.log_index});
}

// On a disk without room no channel's answer can be written, and nobody knows for how long: who waits for one
// is told what is known. An entry under way may yet be written.
void NodeImpl::end_waits_without_room(std::uint64_t now) {
    if (!space_.refuses()) {
        no_room_since_ms_ = 0;
        return;
    }
    if (no_room_since_ms_ == 0) no_room_since_ms_ = now;
    for (Waiter& waiter : proposals_.abandon_waiters())
        waiter.done(machine::Answer{waiter.interim, waiter.log_index});
    if (now < no_room_since_ms_ + kFullDiskWaitMs) return;
    const std::string text = space_.text();
    fail_flights(proposals_.abandon_all(), {ErrorCode::timeout, text + "; the outcome is not known"});
    for (Proposal& proposal : proposals_.take_all())
        if (proposal.done) proposal.done(fail(ErrorCode::no_space, text));
}

void NodeImpl::expire_waiters() {
    for (Waiter& waiter : proposals_.expired(options_.clock->monotonic_ms()))
        waiter.done(machine::Answer{waiter.interim, waiter.log_index});
}

}  // namespace kontor::node

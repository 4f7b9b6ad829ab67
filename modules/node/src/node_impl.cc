#include "node_impl.h"

#include <google/protobuf/arena.h>
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "apply_fault.h"
#include "domains/all.h"
#include "entry.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/service.h"
#include "kontor/members_bodies.pb.h"
#include "kontor/node/folder.h"

namespace kontor::node {
namespace {

constexpr std::uint64_t kDrainMs = 5'000;
constexpr std::uint64_t kFollowerCheckpointMs = 1'000;
constexpr std::uint64_t kFullDiskLookMs = 100;
constexpr unsigned kTriesAtStart = 3;    // of what met a full disk although there is room
constexpr unsigned kStoredLookUs = 200;  // how often the apply thread looks whether the log is on disk
constexpr const char* kNotLeaderText = "this node is not the leader; try again shortly";

}  // namespace

NodeImpl::NodeImpl(NodeOptions options)
    : options_(std::move(options)),
      lease_ms_(std::min(options_.membership.election_timeout_ms, options_.membership.max_staleness_ms)),
      space_({options_.folder, log_folder(options_.folder), store_folder(options_.folder)},
             options_.min_free_bytes, options_.log_segment_bytes, options_.memtable_bytes),
      index_room_(options_.last_index),
      machine_time_(*options_.clock),
      wall_watch_(*options_.clock),
      proposals_(options_.max_queue_bytes, options_.max_queue_commands),
      log_write_time_(options_.metrics->histogram("kontor_log_write_seconds",
                                                  "Time to write a group of log entries and sync them.")),
      apply_time_(options_.metrics->histogram("kontor_apply_seconds", "Time to apply one log entry.")),
      applied_commands_(options_.metrics->counter("kontor_commands_applied_total", "Commands applied.")),
      refused_(
          options_.metrics->counter("kontor_commands_refused_total", "Commands refused before the log.")) {}

NodeImpl::~NodeImpl() {
    stop();
}

void NodeImpl::look_at_space() {
    if (options_.read_only) return;
    space_.look(options_.clock->monotonic_ms());
    takes_no_entries_.store(space_.refuses());
}

void NodeImpl::look_at_index() {
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (open && store_) index_room_.look(store_->applied_index());
}

// Threads that write. An error of a full disk that seems to have room (a quota) is believed: who serves goes
// on reading until it is over. A start that cannot write ends and says why.
bool NodeImpl::wait_for_space(std::uint64_t bytes, unsigned failed) {
    if (failed > 0) {
        space_.note_full(options_.clock->monotonic_ms());
        if (gives_up_waiting_.load()) return false;
        if (failed > kTriesAtStart && !has_started_.load() && space_.has_room(bytes)) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(kFullDiskLookMs));
    }
    while (!space_.has_room(bytes)) {
        if (gives_up_waiting_.load()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(kFullDiskLookMs));
    }
    return true;
}

void NodeImpl::submit(pb::Command command, Done done) {
    if (failed_.load(std::memory_order_relaxed)) {
        done(fail(ErrorCode::unavailable, kFailedText));
        return;
    }
    if (follows()) {
        done(fail(ErrorCode::unavailable, kNotLeaderText));
        return;
    }
    if (options_.read_only) {
        done(fail(ErrorCode::unsupported, "this node only looks"));
        return;
    }
    if (space_.refuses()) {
        done(fail(ErrorCode::no_space, space_.text()));
        return;
    }
    if (index_room_.refuses()) {
        done(fail(ErrorCode::exhausted, index_room_.text()));
        return;
    }
    if (auto allowed = check_level(command); !allowed) {
        done(Unexpected{allowed.error()});
        return;
    }
    Proposal proposal;
    proposal.bytes = command.ByteSizeLong() + 16;
    if (proposal.bytes > kMaxCommandBytes) {
        done(fail(ErrorCode::too_large, "the command is larger than one log entry may be"));
        return;
    }
    proposal.command = command.SerializeAsString();
    // A string that is not UTF-8 serializes and never parses again: such an entry would stop this node, and
    // every other one, at each start. Submitters check their texts; this is the net below.
    thread_local pb::Command probe;
    const bool parses = probe.ParseFromString(proposal.command);
    probe.Clear();
    if (!parses) {
        done(fail(ErrorCode::invalid_argument, "the command has a text that is not UTF-8"));
        return;
    }
    proposal.weight = machine::command_weight(domains::registry(), command);
    proposal.merchant_no = command.merchant_no();
    proposal.done = std::move(done);
    const auto refusal = proposals_.add(proposal);
    if (refusal == Proposals::Refusal::none) {
        if (proposals_.worth_proposing()) propose_from_outside();
        return;
    }
    refused_.add();
    if (refusal == Proposals::Refusal::full) {
        proposal.done(fail(ErrorCode::overloaded, "too many requests are waiting; try again shortly"));
    } else {
        proposal.done(fail(ErrorCode::unavailable, "this node is stopping"));
    }
}

void NodeImpl::read(const ReadBody& body) const {
    // Nobody waits for an exchange of the state: network threads read here.
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (failed_.load(std::memory_order_acquire)) throw store::StoreFailure(kFailedText);
    if (!open || !store_) throw store::StoreFailure("this node is taking over another one's state");
    try {
        store_->read(body);
    } catch (const store::StoreFailure& failure) {
        fatal(store_failure(failure));
        throw;
    }
}

std::uint64_t NodeImpl::subscribe(OnEntry on_entry) {
    const std::lock_guard lock(subscribers_mutex_);
    const std::uint64_t id = next_subscription_++;
    subscribers_.emplace(id, std::move(on_entry));
    return id;
}

void NodeImpl::unsubscribe(std::uint64_t subscription) {
    const std::lock_guard lock(subscribers_mutex_);
    subscribers_.erase(subscription);
}

NodeStats NodeImpl::stats() const {
    NodeStats stats;
    std::tie(stats.queue_bytes, stats.queue_commands) = proposals_.queued();
    stats.cache.limit_bytes = options_.cache_bytes;
    stats.ready = ready();
    const WallStats wall = wall_watch_.stats();
    stats.clock_steps = wall.steps;
    stats.clock_last_step_ms = wall.last_step_ms;
    stats.clock_behind_log_ms = wall.behind_log_ms;
    // The links' threads ask, too: none of them may wait for an exchange of the state.
    const std::shared_lock open(swap_mutex_, std::try_to_lock);
    if (!open || !replica_ || !store_) return stats;
    stats.log = replica_->stats();
    stats.role = replica_->role();
    stats.store = store_->stats();
    stats.cache = cache_->stats();
    stats.cache.hits += stats.store.write_back_hits;
    stats.cache.rows += stats.store.write_back_rows;
    stats.cache.bytes += stats.store.write_back_bytes;
    stats.cache.limit_bytes = options_.cache_bytes;
    stats.applied_index = store_->applied_index();
    stats.index_used = index_room_.used(stats.applied_index);
    return stats;
}

Result<void> NodeImpl::checkpoint() {
    const bool follows_others = is_member_.load() && !leads();
    const std::uint64_t ticket = checkpoints_asked_.fetch_add(1) + 1;
    if (follows_others) {
        const std::uint64_t deadline = options_.clock->monotonic_ms() + kFollowerCheckpointMs;
        std::unique_lock lock(mutex_);
        while (checkpoints_served_.load() < ticket && !failed_.load() && !stopping_ &&
               options_.clock->monotonic_ms() < deadline)
            changed_.wait_for(lock, std::chrono::milliseconds(kFailureLookMs));
    } else {
        KONTOR_CHECK(submit_and_wait(tick_command(), [](const machine::Answer&) {}));
        // The answer comes before the freeze.
        std::unique_lock lock(mutex_);
        while (checkpoints_served_.load() < ticket && !failed_.load())
            changed_.wait_for(lock, std::chrono::milliseconds(kFailureLookMs));
    }
    const std::shared_lock open(swap_mutex_);
    if (!store_) return fail(ErrorCode::unavailable, "this node is taking over another one's state");
    store_->wait_for_checkpoint();
    return store_->failure();
}

void NodeImpl::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return;
        stopped_ = true;
    }
    gives_up_waiting_.store(true);  // a disk without room: the log has everything
    if (replica_ && proposer_.joinable()) {
        const std::uint64_t deadline = options_.clock->monotonic_ms() + kDrainMs;
        std::vector<Proposal> waiting;
        if (!failed_.load() && !options_.read_only && (leads() || (ready() && !is_member_.load()))) {
            if (auto done = checkpoint(); !done)
                log::warning("node", "no checkpoint at stop: " + done.error().describe());
        }
        waiting = proposals_.close();
        for (Proposal& proposal : waiting)
            if (proposal.done) proposal.done(fail(ErrorCode::unavailable, "this node is stopping"));
        while (!proposals_.idle() && !failed_.load() && options_.clock->monotonic_ms() < deadline) {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, std::chrono::milliseconds(5));
        }
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        proposer_.join();
    }
    ready_.store(false);
    if (replica_) replica_->stop();
    freeze_rest();
    fail_flights(proposals_.abandon_all(),
                 {ErrorCode::timeout, "this node is stopping; the outcome is not known"});
    for (Waiter& waiter : proposals_.abandon_waiters())
        waiter.done(machine::Answer{waiter.interim, waiter.log_index});
    if (!store_) return;
    store_->wait_for_checkpoint();
    // A view needs partitions that lack nothing: then the next start has no redo files to read.
    if (store_->failure() && store_->stats().write_back_dirty_bytes != 0) (void)store_->view_checkpoint();
}

// What a follower applied since its last checkpoint, too: `verify` of a stopped node sees all of it. Nothing
// is applied any more.
void NodeImpl::freeze_rest() {
    if (!store_ || !replica_ || failed_.load() || options_.read_only || space_.refuses()) return;
    const std::uint64_t index = store_->applied_index();
    if (dirty_since_ms_.load() == 0 || replica_->stats().stored_index < index) return;
    store_->wait_for_checkpoint();
    if (!store_->failure()) return;
    dirty_since_ms_.store(0);
    store_->freeze(replica_->snapshot_meta(index));
}

void NodeImpl::fatal(const Error& error) const {
    {
        const std::lock_guard lock(failure_mutex_);
        if (failed_.load()) return;
        failure_ = error;
        failed_.store(true, std::memory_order_release);
    }
    log::error("node", "stopped: " + error.describe());
    if (options_.on_fatal) options_.on_fatal(error);
}

Error NodeImpl::fatal_error() const {
    const std::lock_guard lock(failure_mutex_);
    return failure_;
}

// What the store noted first says more than what the reader met.
Error NodeImpl::store_failure(const store::StoreFailure& failure) const {
    if (auto noted = store_->failure(); !noted) return noted.error();
    return Error{ErrorCode::corruption, failure.what()};
}

// Never the same twice in a process, so that nobody takes one node's for another's.
std::uint64_t NodeImpl::new_keys_version() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1) + 1;
}

void NodeImpl::wake() {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(wake_, true)) return;
    }
    changed_.notify_all();
}

// `timeout` says that the outcome is not known, `unavailable` that nothing was done: Service::submit().
void NodeImpl::fail_flights(std::vector<Flight> flights, const Error& why) {
    for (Flight& flight : flights)
        for (Done& done : flight.done)
            if (done) done(fail(why));
}

// --- apply thread ---

void NodeImpl::apply(replication::Position at, std::string_view payload) {
    if (failed_.load(std::memory_order_relaxed)) return;
    // What gathered meanwhile is written while this entry is applied.
    proposals_.leaves_log(at);
    propose_waiting();
    const std::uint64_t started_us = options_.clock->monotonic_us();
    // One block for the commands and their parts, the same for each entry: most need no other one.
    google::protobuf::ArenaOptions blocks;
    blocks.initial_block = entry_block_.get();
    blocks.initial_block_size = kEntryBlockBytes;
    google::protobuf::Arena arena(blocks);
    pb::Batch& batch = *google::protobuf::Arena::CreateMessage<pb::Batch>(&arena);
    if (auto decoded = decode_entry(payload, batch); !decoded) {
        fatal(Error{decoded.error().code,
                    "entry " + std::to_string(at.index) + ": " + decoded.error().message});
        return;
    }
    for (const pb::Command& command : batch.commands()) {
        if (!has_body(command, pb::activate_features)) continue;
        if (auto known = check_features(body(command, pb::activate_features).level()); !known)
            return fatal(known.error());
    }
    if (store_->must_wait()) store_->wait_for_checkpoint();
    machine::Effects effects;
    try {
        store_->begin();
        machine_.apply(faulty(store_->writer(), at.index), at.index, batch, effects);
        // Before anybody can see the new index: who asks for it must not go by a key that it took away.
        if (effects.keys_changed) keys_version_.store(0, std::memory_order_release);
        store_->commit(at.index, effects.now.utc_ms);
    } catch (const store::StoreFailure& failure) {
        fatal(store_failure(failure));
        store_->abandon();  // nobody reads a half-applied entry
        return;
    }
    machine_time_.at_least(effects.now.machine_ms);
    wall_watch_.log_has(effects.now.highest_utc_ms);
    if (effects.keys_changed) keys_version_.store(new_keys_version(), std::memory_order_release);
    applied_commands_.add(static_cast<std::uint64_t>(batch.commands_size()));
    apply_time_.record_us(options_.clock->monotonic_us() - started_us);
    std::vector<Flight> lost;
    std::optional<Flight> landed = proposals_.land(at, lost);
    propose_waiting();
    // Another entry is at its place.
    fail_flights(std::move(lost), {ErrorCode::unavailable, "another node took over; try again shortly"});
    if (landed) answer(*landed, effects, at.index);
    for (const auto& resolved : effects.resolved)
        for (Waiter& waiter : proposals_.resolve(resolved.attempt_no))
            waiter.done(machine::Answer{effects.resolved_results[resolved.result], at.index});
    {
        const std::lock_guard lock(subscribers_mutex_);
        const machine::AppliedEntry entry{
            at.index, std::make_shared<const std::vector<pb::AuditRecord>>(std::move(effects.audit_records)),
            effects.outbox_changed};
        for (const auto& [id, on_entry] : subscribers_) on_entry(entry);
    }
    if (n_index_waiters_.load(std::memory_order_relaxed) != 0)
        tell_index_waiters(at.index, options_.clock->monotonic_ms());
    checkpoint_if_due(at.index);
}

void NodeImpl::answer(Flight& flight, machine::Effects& effects, std::uint64_t index) {
    KONTOR_ASSERT(flight.done.size() == effects.results.size(), "one result a command");
    const auto results = std::make_shared<std::vector<pb::Result>>(std::move(effects.results));
    for (std::size_t i = 0; i < flight.done.size(); ++i) {
        if (!flight.done[i]) continue;
        pb::Result& result = (*results)[i];
        if (result.waiting_on() == 0) {
            flight.done[i](machine::Answer{result, index, results});
            continue;
        }
        const std::uint64_t attempt_no = result.waiting_on();
        Waiter waiter;
        waiter.done = std::move(flight.done[i]);
        waiter.interim = std::move(result);
        waiter.log_index = index;
        waiter.deadline_ms = options_.clock->monotonic_ms() + options_.channel_wait_ms;
        proposals_.wait_for_channel(attempt_no, std::move(waiter));
    }
}

void NodeImpl::checkpoint_if_due(std::uint64_t index) {
    const std::uint64_t now = options_.clock->monotonic_ms();
    if (dirty_since_ms_.load() == 0) dirty_since_ms_.store(now);
    if (auto background = store_->failure(); !background) {
        fatal(background.error());
        return;
    }
    const std::uint64_t tickets = checkpoints_asked_.load();
    const bool asked = tickets > checkpoints_served_.load();
    const bool pressed = replica_->log_pressure();
    if (asked || pressed) store_->wait_for_checkpoint();
    if (!asked && !pressed && !store_->should_checkpoint(now)) return;
    // With others in the cluster an entry can be applied before our own disk has it.
    while (replica_->stats().stored_index < index) {
        if (failed_.load() || replica_->role() == replication::Role::stopped) return;
        std::this_thread::sleep_for(std::chrono::microseconds(kStoredLookUs));
    }
    dirty_since_ms_.store(0);
    store_->freeze(replica_->snapshot_meta(index));
    if (asked) {
        const std::lock_guard lock(mutex_);
        checkpoints_served_.store(tickets);
        changed_.notify_all();
    }
}

}  // namespace kontor::node

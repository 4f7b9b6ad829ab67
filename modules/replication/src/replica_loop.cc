// The loop thread of the replica: everything that touches the driver.

#include <pthread.h>

#include <algorithm>
#include <chrono>

#include "kontor/base/log.h"
#include "replica_impl.h"

namespace kontor::replication {

void ReplicaImpl::run() {
    pthread_setname_np(pthread_self(), "log");
    auto done = first_step();
    std::uint64_t last_timeout_ms = 0;
    while (done) {
        Inbox inbox;
        const std::uint64_t now = options_.clock->monotonic_ms();
        const std::uint64_t due = std::max(next_timeout_ms(), last_timeout_ms + 1);
        {
            std::unique_lock lock(mutex_);
            const auto wait_ms = std::min<std::uint64_t>(due > now ? due - now : 0, options_.heartbeat_ms);
            wake_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return inbox_.has_news(); });
            const bool stopping = inbox_.stopping;
            std::swap(inbox, inbox_);
            inbox_.stopping = stopping;
        }
        (void)fresh_.look(options_.clock->boot_ms());
        if (inbox.failure || inbox.stopping) {
            refuse_all(inbox.proposals);
            refuse_requests(inbox);
            if (inbox.failure) done = fail(*inbox.failure);
            break;
        }
        done = handle(inbox);
        const std::uint64_t after = options_.clock->monotonic_ms();
        if (done && after >= std::max(next_timeout_ms(), last_timeout_ms + 1)) {
            last_timeout_ms = after;
            Actions actions;
            done = driver_->timeout(after, actions);
            if (done) done = carry_out(actions);
        }
        publish_freshness();
        tell_leader();
        publish_view();
    }
    if (!done) fatal(done.error());
    refuse_all(waiting_);
    Inbox none;
    refuse_requests(none);
    tell_role(Role::stopped);
}

// What the engine wants next; a node that had better not lead lets its election time-out pass for a while.
std::uint64_t ReplicaImpl::next_timeout_ms() const {
    const std::uint64_t wanted = driver_->next_timeout_ms(), hold_back_ms = hold_back_ms_.load();
    if (hold_back_ms == 0 || driver_->role() == Role::leader) return wanted;
    const std::uint64_t heard_ms = driver_->leader_seen_ms().value_or(started_ms_);
    return std::max(wanted, heard_ms + options_.election_timeout_ms + hold_back_ms);
}

Result<void> ReplicaImpl::first_step() {
    started_ms_ = options_.clock->monotonic_ms();
    Actions actions;
    KONTOR_CHECK(driver_->start(options_.clock->monotonic_ms(), folder_.start, actions));
    folder_.start = {};  // not needed again, and not small
    KONTOR_CHECK(carry_out(actions));
    tell_role(driver_->role());
    tell_ready();
    return {};
}

Result<void> ReplicaImpl::handle(Inbox& inbox) {
    if (inbox.persisted_ticket != 0) KONTOR_CHECK(handle_disk(inbox.persisted_ticket));
    for (const auto& [node_id, is_up] : inbox.links) {
        if (is_up) {
            down_links_.erase(node_id);
        } else if (down_links_.size() < kMaxServers) {
            down_links_.insert(node_id);
        }
    }
    KONTOR_CHECK(receive_frames(inbox.frames));
    if (inbox.confirmation) fresh_.confirmed(inbox.confirmation->asked_ms, inbox.confirmation->commit_index);
    KONTOR_CHECK(prove_leadership());
    for (Proposal& proposal : inbox.proposals) waiting_.push_back(std::move(proposal));
    inbox.proposals.clear();
    for (ChangeRequest& request : inbox.changes) changes_.push_back(std::move(request));
    for (TransferRequest& request : inbox.transfers) transfers_.push_back(std::move(request));
    KONTOR_CHECK(work_on_transfers());
    KONTOR_CHECK(submit_proposals());
    KONTOR_CHECK(work_on_changes());
    if (inbox.checkpoint) pending_checkpoint_ = std::move(inbox.checkpoint);
    if (pending_checkpoint_) KONTOR_CHECK(take_checkpoint());
    tell_ready();
    return {};
}

Result<void> ReplicaImpl::handle_disk(std::uint64_t ticket) {
    while (!written_.empty() && written_.front().first <= ticket) {
        unpersisted_ -= written_.front().second;
        written_.pop_front();
    }
    Actions actions;
    KONTOR_CHECK(driver_->persisted(options_.clock->monotonic_ms(), ticket, actions));
    KONTOR_CHECK(carry_out(actions));
    publish_commits();  // more may be read from disk now
    return {};
}

bool ReplicaImpl::window_open() const {
    unsigned in_flight = 0;
    for (const auto& [ticket, entries] : written_) in_flight += entries;
    return in_flight < options_.max_inflight_entries;
}

// What waits is submitted together, up to the window, so that one write and one sync carry it.
Result<void> ReplicaImpl::submit_proposals() {
    while (!waiting_.empty() && window_open() && !(handing_over_.load() && driver_->role() == Role::leader)) {
        unsigned in_flight = 0;
        for (const auto& [ticket, entries] : written_) in_flight += entries;
        const std::size_t n =
            std::min<std::size_t>(waiting_.size(), options_.max_inflight_entries - in_flight);
        std::vector<Entry> entries;
        std::vector<Proposal> batch;
        for (std::size_t i = 0; i < n; ++i) {
            entries.push_back({0, EntryType::command, waiting_.front().payload});
            queued_bytes_ -= waiting_.front().payload->size();
            batch.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        Actions actions;
        KONTOR_TRY(const Submitted submitted,
                   driver_->submit(options_.clock->monotonic_ms(), std::move(entries), actions));
        const bool accepted = submitted.status == SubmitStatus::accepted;
        if (accepted) {
            KONTOR_ASSERT(actions.appends.size() == 1, "a submission is one append");
            written_.emplace_back(actions.appends.front().ticket, static_cast<unsigned>(n));
            entries_ += n;
        } else {
            unpersisted_ -= n;
        }
        // Before the entries go to the disk: so that the proposer knows the position before apply() can come.
        for (std::size_t i = 0; i < n; ++i) {
            if (accepted) {
                batch[i].done(Position{submitted.first_index + i, submitted.term});
            } else {
                batch[i].done(fail(ErrorCode::unavailable, "this node is not the leader"));
            }
        }
        KONTOR_CHECK(carry_out(actions));
    }
    return {};
}

Result<void> ReplicaImpl::take_checkpoint() {
    const SnapshotMeta meta = *pending_checkpoint_;
    if (meta.index > driver_->last_stored()) return {};  // ahead of our own disk: when it has caught up
    pending_checkpoint_.reset();
    // Large entries: a fixed number of them behind the checkpoint could hold the log above its bound for
    // ever.
    const bool short_of_space = folder_.log->bytes() > options_.max_log_bytes / 2;
    const std::uint64_t hold = hold_after_.load();
    const std::uint64_t held = hold != 0 && hold < meta.index ? meta.index - hold : 0;
    const std::uint64_t trailing = short_of_space ? 0 : std::max(options_.trailing_entries, held);
    Actions actions;
    KONTOR_TRY(const bool taken,
               driver_->snapshot_taken(options_.clock->monotonic_ms(), meta, trailing, actions));
    KONTOR_CHECK(carry_out(actions));
    if (taken && meta.index > trailing) disk_.post_drop_prefix(meta.index - trailing + 1);
    return {};
}

Result<void> ReplicaImpl::store_hard_state(HardState hard) {
    KONTOR_CHECK(folder_.state->store(hard));
    folder_.promises->voted(folder_.state->sequence(), hard.term);
    return {};
}

Result<void> ReplicaImpl::carry_out(Actions& actions) {
    if (actions.hard_state) KONTOR_CHECK(store_hard_state(*actions.hard_state));
    // Alone there is nobody to talk to meanwhile: two hand-overs between threads less.
    const bool alone = driver_->configuration().servers.size() == 1;
    for (AppendAction& append : actions.appends)
        if (!alone || !disk_.append_here(append)) disk_.post_append(std::move(append));
    // A leader whose disk is full cannot hand over what it has not stored. It falls silent, and the others,
    // who have it, choose a new leader.
    const bool is_silent = folder_.waits->load() && driver_->role() == Role::leader;
    if (!is_silent)
        for (Message& message : actions.messages) sender_.send(std::move(message));
    update_counters();  // before publishing: an entry that was seen applied is in stats()
    if (actions.commit_advanced) publish_commits();
    if (actions.role_changed) tell_role(driver_->role());
    if (actions.snapshot_needed) fall_silent(*actions.snapshot_needed);
    return {};
}

void ReplicaImpl::publish_commits() {
    const std::uint64_t commit = driver_->commit_index();
    for (std::uint64_t index = published_ + 1; index <= commit; ++index) {
        if (const Entry* entry = driver_->entry(index); entry != nullptr && entry->payload != nullptr) {
            apply_.post(index, *entry);
        }
    }
    published_ = std::max(published_, commit);
    // Not what the log says is durable: a truncation may still be on its way to it.
    apply_.notify(commit, driver_->last_stored());
    driver_->release(std::min(commit, driver_->last_stored()),
                     options_.transport != nullptr ? kPeerCacheBytes : 0);
}

void ReplicaImpl::update_counters() {
    last_index_.store(driver_->last_index());
    commit_index_.store(driver_->commit_index());
    term_.store(driver_->term());
    stored_index_.store(driver_->last_stored());
}

void ReplicaImpl::tell_ready() {
    const bool now_ready = ready();
    const bool became = now_ready && !was_ready_;
    was_ready_ = now_ready;
    if (became && on_ready) on_ready();
}

void ReplicaImpl::tell_role(Role role) {
    if (role == Role::leader) elected_at_.store(driver_->elected_at());  // before anybody can see the role
    if (role_.exchange(role) != role && on_role) on_role(role);
}

void ReplicaImpl::fatal(const Error& error) {
    if (failed_) return;
    failed_ = true;
    dead_.store(true);
    apply_.halt();
    log::error("replication", "event=stopped reason=\"" + error.describe() + "\"");
    if (on_stop) on_stop(error);
}

void ReplicaImpl::refuse_all(std::deque<Proposal>& proposals) {
    for (Proposal& proposal : proposals) {
        --unpersisted_;
        queued_bytes_ -= proposal.payload->size();
        proposal.done(fail(ErrorCode::unavailable, "the replica is stopping"));
    }
    proposals.clear();
}

}  // namespace kontor::replication

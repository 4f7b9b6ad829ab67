// The loop thread's work that is about other nodes, and the calls that ask for it.

#include <algorithm>

#include "kontor/base/log.h"
#include "replica_impl.h"

namespace kontor::replication {

namespace {

Unexpected retry(const std::string& why) {
    return fail(ErrorCode::unavailable, "retry: " + why);
}

constexpr const char* kNotLeader = "this node is not the leader";

}  // namespace

void ReplicaImpl::receive(std::uint64_t from, std::string frame) {
    {
        const std::lock_guard lock(mutex_);
        if (dead_.load() || inbox_.stopping || inbox_.frames.size() >= kMaxInboxFrames ||
            inbox_.frame_bytes + frame.size() > kMaxInboxBytes) {
            ++frames_dropped_;
            return;
        }
        inbox_.frame_bytes += frame.size();
        inbox_.frames.push_back({from, std::move(frame)});
    }
    wake_.notify_one();
}

void ReplicaImpl::link_changed(std::uint64_t node_id, bool is_up) {
    {
        const std::lock_guard lock(mutex_);
        if (inbox_.stopping) return;
        std::erase_if(inbox_.links, [node_id](const auto& link) { return link.first == node_id; });
        if (inbox_.links.size() < kMaxInboxFrames) inbox_.links.emplace_back(node_id, is_up);
    }
    wake_.notify_one();
}

Result<void> ReplicaImpl::receive_frames(std::vector<Frame>& frames) {
    for (const Frame& frame : frames) {
        if (is_deaf_) break;
        auto message = decode_message(frame.bytes, frame.from, folder_.state->state().cluster);
        const char* dropped = nullptr;
        if (message) {
            ++frames_received_;
            if (options_.takes_no_entries != nullptr && options_.takes_no_entries->load())
                drop_entries(*message);
            Actions actions;
            KONTOR_CHECK(driver_->receive(options_.clock->monotonic_ms(), *message, actions));
            dropped = actions.dropped;
            if (dropped == nullptr) note_contact(*message);
            KONTOR_CHECK(carry_out(actions));
        }
        if (message && dropped == nullptr) continue;
        const std::uint64_t count = ++frames_dropped_;
        if ((count & (count - 1)) != 0) continue;  // the 1st, 2nd, 4th, 8th, ...
        log::warning("replication", "event=peer_frame_dropped node=" + std::to_string(frame.from) +
                                        " count=" + std::to_string(count) + " reason=\"" +
                                        (message ? std::string(dropped) : message.error().describe()) + "\"");
    }
    return {};
}

// A heartbeat is left: the leader stays known, and sends the entries again and again.
void ReplicaImpl::drop_entries(Message& message) {
    if (message.header.type != KONTOR_RAFT_APPEND) return;
    message.entries.clear();
    message.header.n_entries = 0;
}

// Only what is said in the newest term: another node may lead in it.
void ReplicaImpl::note_contact(const Message& message) {
    const kontor_raft_message& header = message.header;
    if (header.term != driver_->term()) return;
    const bool answers = header.type == KONTOR_RAFT_APPEND_RESULT ||
                         (header.type == KONTOR_RAFT_VOTE_RESULT && header.granted && !header.pre_vote);
    if (answers && driver_->configuration().find(header.peer) != nullptr) fresh_.answered(header.peer);
    if (header.type != KONTOR_RAFT_APPEND && header.type != KONTOR_RAFT_INSTALL_SNAPSHOT) return;
    leader_seen_ms_.store(fresh_.now_ms());
    if (header.type == KONTOR_RAFT_APPEND) fresh_.heard(header.leader_commit);
}

// A leader that stood still finds answers waiting that were given before. Those who have an entry that was
// made after it have spoken since then. And a new leader with nothing to commit has no entry of its own term,
// by which the others can tell that they know all of the terms before.
Result<void> ReplicaImpl::prove_leadership() {
    if (driver_->role() != Role::leader || handing_over_.load()) return {};
    const Configuration& members = driver_->configuration();
    const std::uint64_t term = driver_->term();
    const bool stood_still = fresh_.wants_entry() && !members.sole_voter(options_.node_id);
    const bool has_none = members.servers.size() > 1 && proven_term_ != term &&
                          apply_.applied_term() != term && driver_->last_index() == driver_->commit_index();
    if (!stood_still && !has_none) return {};
    Actions actions;
    std::vector<Entry> barrier{{0, EntryType::barrier, std::make_shared<const std::string>(8, '\0')}};
    KONTOR_TRY(const Submitted submitted,
               driver_->submit(options_.clock->monotonic_ms(), std::move(barrier), actions));
    if (submitted.status == SubmitStatus::accepted) {
        proven_term_ = term;
        if (stood_still) fresh_.has_entry(submitted.first_index);
    }
    return carry_out(actions);
}

void ReplicaImpl::publish_freshness() {
    const std::uint64_t applied = apply_.applied();
    const bool is_of_term = apply_.applied_term() == driver_->term();
    if (driver_->role() == Role::leader) {
        fresh_.lead(driver_->configuration(), options_.node_id, is_of_term,
                    [this](std::uint64_t peer) { return driver_->match_index(peer); });
    } else {
        fresh_.follow(applied, is_of_term);
    }
    if (options_.known_by_own_lead != nullptr) options_.known_by_own_lead->store(fresh_.is_by_own_lead());
    if (options_.known_at_ms != nullptr) options_.known_at_ms->store(fresh_.known_at_ms());
}

void ReplicaImpl::leader_confirmed(std::uint64_t asked_ms, std::uint64_t commit_index) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.confirmation = {asked_ms, commit_index};
    }
    wake_.notify_one();
}

// As if crashed, but for what the disk and the state machine are at.
void ReplicaImpl::fall_silent(const SnapshotNeeded& needed) {
    is_deaf_ = true;
    log::info("replication", "event=snapshot_needed index=" + std::to_string(needed.at.index) +
                                 " leader=" + std::to_string(needed.leader_id));
    if (on_snapshot_needed) on_snapshot_needed(needed);
}

void ReplicaImpl::change(MembershipChange change, Changed done) {
    {
        const std::lock_guard lock(mutex_);
        if (!dead_.load() && !inbox_.stopping && inbox_.changes.size() < kMaxPendingChanges) {
            inbox_.changes.push_back({change, std::move(done), 0, 0, std::nullopt});
            done = nullptr;
        }
    }
    if (done) {
        done(retry("too many changes wait, or the replica is stopping"));
    } else {
        wake_.notify_one();
    }
}

void ReplicaImpl::transfer(std::uint64_t node_id, std::function<void(Result<void>)> done) {
    {
        const std::lock_guard lock(mutex_);
        if (!dead_.load() && !inbox_.stopping && inbox_.transfers.size() < kMaxPendingChanges) {
            inbox_.transfers.push_back({node_id, std::move(done), 0, false});
            done = nullptr;
        }
    }
    if (done) {
        done(retry("too many hand-overs wait, or the replica is stopping"));
    } else {
        wake_.notify_one();
    }
}

Result<Configuration> ReplicaImpl::wanted_after(const MembershipChange& change) const {
    using Kind = MembershipChange::Kind;
    Configuration wanted = driver_->configuration();
    const auto name = "node " + std::to_string(change.node_id);
    const auto found = std::find_if(wanted.servers.begin(), wanted.servers.end(),
                                    [&](const Server& server) { return server.id == change.node_id; });
    if (change.kind == Kind::add_standby) {
        if (change.node_id == 0) return fail(ErrorCode::invalid_argument, "node id 0");
        if (found != wanted.servers.end()) {
            return fail(ErrorCode::already_exists, name + " is a member already");
        }
        if (wanted.servers.size() >= kMaxServers) {
            return fail(ErrorCode::invalid_argument,
                        "a cluster has at most " + std::to_string(kMaxServers) + " members");
        }
        wanted.servers.push_back(
            {change.node_id, "node-" + std::to_string(change.node_id), ServerRole::standby});
        return wanted;
    }
    if (found == wanted.servers.end()) return fail(ErrorCode::not_found, name + " is no member");
    if (change.kind != Kind::promote && change.node_id == options_.node_id) {
        return fail(ErrorCode::invalid_argument, name + " leads: hand leadership over first");
    }
    if (change.kind == Kind::remove) {
        wanted.servers.erase(found);
        return wanted;
    }
    const ServerRole role = change.kind == Kind::promote ? ServerRole::voter : ServerRole::standby;
    if (found->role == role) return fail(ErrorCode::already_exists, name + " has that role already");
    found->role = role;
    return wanted;
}

// A voter that is far behind would hold up every commit that needs it.
const char* ReplicaImpl::not_caught_up(const MembershipChange& change) const {
    if (change.kind != MembershipChange::Kind::promote) return nullptr;
    const std::uint64_t match = driver_->match_index(change.node_id);
    if (match + options_.peer_window_entries < driver_->commit_index())
        return "the node has not caught up yet";
    return driver_->answers(change.node_id) ? nullptr : "the node does not answer";
}

// One at a time, in the order asked. What a guard wants first is waited for, two election time-outs long.
Result<void> ReplicaImpl::work_on_changes() {
    while (!changes_.empty()) {
        ChangeRequest& request = changes_.front();
        const std::uint64_t now = options_.clock->monotonic_ms();
        if (request.give_up_ms == 0) {
            request.asked_ms = now;
            request.give_up_ms = now + 2 * options_.election_timeout_ms;
        }
        std::optional<Result<Position>> outcome;
        if (request.submitted) {
            const bool same_term = driver_->term() == request.submitted->term;
            if (same_term && driver_->commit_index() >= request.submitted->index) {
                outcome = *request.submitted;
            } else if (!same_term || driver_->role() != Role::leader) {
                outcome = retry("leadership was lost; the members say whether the change took effect");
            }
        } else if (is_deaf_ || driver_->role() != Role::leader) {
            outcome = retry(kNotLeader);
        } else if (auto wanted = wanted_after(request.change); !wanted) {
            outcome = fail(wanted.error());
        } else if (const char* why = not_caught_up(request.change); why != nullptr) {
            if (now >= request.give_up_ms) outcome = retry(why);
        } else {
            Actions actions;
            KONTOR_TRY(const Submitted submitted,
                       driver_->submit_change(now, *wanted, actions, request.asked_ms));
            if (submitted.status == SubmitStatus::accepted) {
                request.submitted = Position{submitted.first_index, submitted.term};
            } else if (submitted.status == SubmitStatus::refused) {
                outcome = fail(ErrorCode::invalid_argument, "the members cannot be changed like this");
            } else if (submitted.status == SubmitStatus::not_leader) {
                outcome = retry(kNotLeader);
            } else if (now >= request.give_up_ms) {
                outcome = retry(
                    "another change or hand-over is on its way, or a voter that stays is behind or does not "
                    "answer (remove a "
                    "dead voter before anything else)");
            }
            KONTOR_CHECK(carry_out(actions));
            if (request.submitted && !outcome && driver_->commit_index() >= request.submitted->index)
                continue;
        }
        if (!outcome) break;
        const Changed done = std::move(request.done);
        changes_.pop_front();
        done(*std::move(outcome));
    }
    return {};
}

// Proposals wait while the target gets the last entries: they would keep it behind for ever.
Result<void> ReplicaImpl::work_on_transfers() {
    while (!transfers_.empty()) {
        TransferRequest& request = transfers_.front();
        const std::uint64_t now = options_.clock->monotonic_ms();
        if (request.give_up_ms == 0) request.give_up_ms = now + options_.election_timeout_ms;
        std::optional<Result<void>> outcome;
        if (is_deaf_ || driver_->role() != Role::leader) {
            outcome = request.is_started ? Result<void>{} : Result<void>(retry(kNotLeader));
        } else if (request.is_started) {
            if (driver_->transferee() == 0)
                outcome = Result<void>(retry("the node did not take over in time"));
        } else {
            Actions actions;
            KONTOR_TRY(const SubmitStatus status, driver_->transfer(now, request.target, actions));
            request.is_started = status == SubmitStatus::accepted;
            if (status == SubmitStatus::refused) {
                outcome =
                    Result<void>(fail(ErrorCode::invalid_argument,
                                      "node " + std::to_string(request.target) + " is not another voter"));
            } else if (status != SubmitStatus::accepted && now >= request.give_up_ms) {
                outcome = Result<void>(retry("the node lacks entries, or a change is on its way"));
            }
            KONTOR_CHECK(carry_out(actions));
        }
        handing_over_.store(!outcome);
        if (!outcome) break;
        const auto done = std::move(request.done);
        transfers_.pop_front();
        done(*std::move(outcome));
    }
    return {};
}

void ReplicaImpl::refuse_requests(Inbox& inbox) {
    for (ChangeRequest& request : changes_) request.done(retry("the replica is stopping"));
    for (ChangeRequest& request : inbox.changes) request.done(retry("the replica is stopping"));
    for (TransferRequest& request : transfers_) request.done(retry("the replica is stopping"));
    for (TransferRequest& request : inbox.transfers) request.done(retry("the replica is stopping"));
    changes_.clear();
    transfers_.clear();
    inbox.changes.clear();
    inbox.transfers.clear();
}

void ReplicaImpl::tell_leader() {
    const std::uint64_t leader = is_deaf_ ? 0 : driver_->leader_id();
    if (leader_id_.exchange(leader) == leader) return;
    next_view_ms_ = 0;
    if (on_leader) on_leader(leader);
}

// Twice a heartbeat, and at once when it is about more than progress.
void ReplicaImpl::publish_view() {
    const std::uint64_t now = options_.clock->monotonic_ms();
    const Role role = role_.load();
    const bool same = view_.role == role && view_.term == driver_->term() &&
                      view_.configuration_index == driver_->configuration_index() &&
                      view_.committed_configuration_index == driver_->committed_configuration_index() &&
                      view_.transfer_target == driver_->transferee();
    if (same && now < next_view_ms_) return;
    next_view_ms_ = now + std::max<std::uint64_t>(options_.heartbeat_ms / 2, 1);
    ClusterView view;
    view.role = role;
    view.leader_id = leader_id_.load();
    view.term = driver_->term();
    view.commit_index = driver_->commit_index();
    view.last_index = driver_->last_index();
    view.configuration_index = driver_->configuration_index();
    view.committed_configuration_index = driver_->committed_configuration_index();
    view.transfer_target = driver_->transferee();
    for (const Server& server : driver_->configuration().servers) {
        Member member{server.id, static_cast<MemberRole>(server.role), 0, false, kNeverMs};
        if (role == Role::leader && server.id == options_.node_id) {
            member = {server.id, member.role, driver_->last_stored(), true, 0};
        } else if (role == Role::leader) {
            member.match_index = driver_->match_index(server.id);
            member.is_reachable = driver_->answers(server.id) && !down_links_.contains(server.id);
            member.last_contact_ms = driver_->silent_ms(server.id);
        }
        view.members.push_back(member);
    }
    std::sort(view.members.begin(), view.members.end(),
              [](const Member& a, const Member& b) { return a.id < b.id; });
    const std::lock_guard lock(view_mutex_);
    view_ = std::move(view);
}

ClusterView ReplicaImpl::cluster_view() const {
    const std::lock_guard lock(view_mutex_);
    return view_;
}

std::uint64_t ReplicaImpl::leader_id() const {
    return leader_id_.load();
}

std::uint64_t ReplicaImpl::last_leader_contact_ms() const {
    if (role() == Role::leader) return 0;
    const std::uint64_t seen = leader_seen_ms_.load();
    const std::uint64_t now = options_.clock->boot_ms();
    return seen == kNeverMs ? kNeverMs : now - std::min(now, seen);
}

bool ReplicaImpl::leader_caught_up() const {
    return role() == Role::leader && apply_.applied() >= elected_at_.load();
}

void ReplicaImpl::hold_log(std::uint64_t index) {
    hold_after_.store(index);
}

}  // namespace kontor::replication

// The driver's messages: what comes in passes the guards before the engine sees it, what goes out passes them
// before a peer does.

#include <algorithm>
#include <utility>

#include "driver.h"

namespace kontor::replication {

Result<void> Driver::receive(std::uint64_t now_ms, const Message& message, Actions& out) {
    advance(now_ms);
    if (finished_) return {};
    const kontor_raft_message& header = message.header;
    if (const char* problem = problem_of(message); problem != nullptr) {
        out.dropped = problem;
        return {};
    }
    if (configuration_.find(header.peer) != nullptr) heard_ms_[header.peer] = now_ms_;
    if (is_stale(header, term(), options_.guards)) return {};
    switch (header.type) {
        case KONTOR_RAFT_APPEND:
            if (role() == Role::leader && header.term == term()) {
                out.dropped = "another leader in this term";
                return {};
            }
            return receive_append(message, out);
        case KONTOR_RAFT_INSTALL_SNAPSHOT:
            if (role() == Role::leader && header.term == term()) {
                out.dropped = "another leader in this term";
                return {};
            }
            receive_install(message, out);
            return {};
        case KONTOR_RAFT_APPEND_RESULT:
            if (role() == Role::leader &&
                is_late_reject(header, term(), match_index(header.peer), options_.guards)) {
                return {};
            }
            return step_message(message, false, out);
        case KONTOR_RAFT_VOTE: {
            const std::uint64_t silent = leader_seen_ms_ ? now_ms_ - *leader_seen_ms_ : kNeverMs;
            const VoteView view = view_for_vote(header, role() == Role::follower, silent,
                                                options_.election_timeout_ms, options_.guards);
            Message seen = message;
            seen.header.disrupt_leader = header.disrupt_leader || view.disrupt_leader;
            return step_message(seen, view.as_voter, out);
        }
        default:
            return step_message(message, false, out);
    }
}

Result<void> Driver::receive_append(Message message, Actions& out) {
    kontor_raft_message& header = message.header;
    const std::size_t answers = out.messages.size();
    if (header.term < term()) {
        // Only to tell the old leader the term. The engine leaves the other fields of that answer as they
        // were in memory.
        message.entries.clear();
        header.n_entries = 0;
        KONTOR_CHECK(step_message(message, false, out));
        for (std::size_t i = answers; i < out.messages.size(); ++i) {
            kontor_raft_message& answer = out.messages[i].header;
            answer.last_index = std::min(last_index(), answer.rejected != 0 ? answer.rejected - 1 : 0);
        }
        return {};
    }
    leader_seen_ms_ = now_ms_;
    anchor_at_snapshot(message, snapshot_.index, snapshot_.term, options_.guards);
    std::size_t from = 0;
    for (const std::size_t size : parts_of(message.entries, options_.guards)) {
        Message part;
        part.header = header;
        part.peer_address = message.peer_address;
        if (from > 0) {
            part.header.log_index = header.log_index + from;
            part.header.log_term = message.entries[from - 1].term;
        }
        part.header.n_entries = static_cast<std::uint32_t>(size);
        const auto first = message.entries.begin() + static_cast<std::ptrdiff_t>(from);
        part.entries.assign(first, first + static_cast<std::ptrdiff_t>(size));
        KONTOR_CHECK(step_message(part, false, out));
        from += size;
        if (!out.messages.empty() && out.messages.back().header.type == KONTOR_RAFT_APPEND_RESULT &&
            out.messages.back().header.rejected != 0) {
            break;  // nor would the rest fit
        }
    }
    return {};
}

void Driver::receive_install(const Message& message, Actions& out) {
    const kontor_raft_message& header = message.header;
    leader_seen_ms_ = now_ms_;
    // A repeated one, after the first was installed: the leader's heartbeats are anchored at its snapshot,
    // and the answer to the next one tells it.
    if (header.log_index <= snapshot_.index || header.log_index <= commit_index()) return;
    std::uint64_t own = 0;
    if (kontor_raft_term_of(core_.get(), header.log_index, &own) && own == header.log_term) return;
    out.role_changed = role() != Role::follower;
    finished_ = true;
    out.snapshot_needed = SnapshotNeeded{{header.log_index, header.log_term}, header.peer};
}

void Driver::take_messages(const kontor_raft_update& update, Actions& out) {
    for (unsigned i = 0; i < update.n_messages; ++i) {
        Message message;
        message.header = update.messages[i];
        show_own_term(message.header, term(), options_.guards);
        if (message.header.type == KONTOR_RAFT_APPEND) {
            if (cut_before_change(message.header, unstored_change(), term(), options_.guards)) {
                held_[message.header.peer] = message.header;
            }
            attach_entries(message);
            append_version_ = message.header.version;
            announced_[message.header.peer] =
                std::min(message.header.leader_commit, message.header.log_index + message.header.n_entries);
        }
        out.messages.push_back(std::move(message));
    }
}

// What is in memory goes along, with what is known of entries whose payload is only on disk. The newest
// entries may not be on disk yet, so nobody may look for them there.
void Driver::attach_entries(Message& message) const {
    const std::uint64_t first = message.header.log_index + 1;
    message.entries_on_disk = message.header.n_entries > 0 && first < memory_first_;
    for (std::uint32_t k = 0; k < message.header.n_entries; ++k) {
        if (first + k < memory_first_) continue;
        const Entry* found = entry(first + k);
        KONTOR_ASSERT(found != nullptr, "the engine sends an entry that the log does not have");
        if (found->payload == nullptr) message.entries_on_disk = true;
        message.entries.push_back(*found);
    }
}

// The first CHANGE that is not on our disk: only a leader can have sent one too early.
std::uint64_t Driver::unstored_change() const {
    const auto change = changes_.upper_bound(last_stored());
    return change == changes_.end() || role() != Role::leader ? 0 : change->first;
}

// The CHANGE is on our disk now. The engine believes that its peers were sent it and what follows: so do
// that, instead of waiting until a heartbeat is rejected.
void Driver::send_held(Actions& out) {
    if (held_.empty() || role() != Role::leader || unstored_change() != 0) return;
    const std::uint64_t change = configuration_index();
    for (const auto& [peer, header] : std::exchange(held_, {})) {
        if (change < 2 || own_term_index_ == 0 || change - 1 < own_term_index_) continue;  // term not known
        Message message;
        message.header = header;
        message.header.log_index = change - 1;
        message.header.log_term = term();
        message.header.leader_commit = commit_index();
        message.header.n_entries = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(last_index() + 1 - change, options_.max_inflight_entries));
        attach_entries(message);
        out.messages.push_back(std::move(message));
    }
}

// A peer learns of a commit with the next append, and when nothing follows only with the next heartbeat.
// A reader there must not wait that long for what the leader acknowledged: a peer that has everything, when
// everything is committed, is told at once, by what is a heartbeat before its time.
void Driver::announce_commit(Actions& out) {
    if (role() != Role::leader || commit_index() != last_index()) return;
    for (const Server& server : configuration_.servers) {
        if (server.id == options_.node_id || match_index(server.id) != last_index()) continue;
        std::uint64_t& told = announced_[server.id];
        if (told >= commit_index()) continue;
        told = commit_index();
        Message message;
        message.header.type = KONTOR_RAFT_APPEND;
        message.header.version = append_version_;
        message.header.peer = server.id;
        message.header.term = term();
        message.header.log_index = last_index();
        message.header.leader_commit = commit_index();
        if (!kontor_raft_term_of(core_.get(), last_index(), &message.header.log_term)) continue;
        out.messages.push_back(std::move(message));
    }
}

}  // namespace kontor::replication

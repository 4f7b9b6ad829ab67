#include "guards.h"

#include <algorithm>

namespace kontor::replication {

namespace {

// How many servers are added, removed or have another role. An address never changes with its id.
std::size_t differences(const Configuration& a, const Configuration& b) {
    std::size_t n = 0;
    for (const Server& server : a.servers) {
        const Server* other = b.find(server.id);
        if (other == nullptr || *other != server) ++n;
    }
    for (const Server& server : b.servers) {
        if (a.find(server.id) == nullptr) ++n;
    }
    return n;
}

// The voters that stay and the one that becomes a voter. A server that is demoted or removed need not match,
// or a dead one could never be replaced. It is not needed for anything afterwards: the leader and everybody
// who has the CHANGE count without it at once, and should the CHANGE be lost, the servers go on with the
// configuration before, which all that stay have. Nor can it do harm: to be elected by the configuration that
// it knows it needs a majority there, of which at least one server stays and has the committed entries.
// A voter goes that does not answer.
bool removes_a_dead_voter(const ChangeContext& context) {
    for (const Server& server : context.current->servers) {
        if (server.role != ServerRole::voter || context.wanted->find(server.id) != nullptr) continue;
        return !context.answers(context.asked, server.id);
    }
    return false;
}

bool all_match(const ChangeContext& context) {
    const bool may_be_dead = removes_a_dead_voter(context);
    for (const Server& server : context.wanted->servers) {
        if (context.current->find(server.id) == nullptr || server.role != ServerRole::voter) continue;
        if (context.match(context.asked, server.id) >= context.committed_configuration_index) continue;
        if (may_be_dead && !context.answers(context.asked, server.id)) continue;
        return false;
    }
    return true;
}

bool majority_answers(const ChangeContext& context) {
    std::size_t answering = 0;
    for (const Server& server : context.wanted->servers) {
        if (server.role != ServerRole::voter) continue;
        answering += server.id == context.node_id || context.answers(context.asked, server.id);
    }
    return 2 * answering > context.wanted->voters();
}

}  // namespace

void clip_reports(std::deque<PendingReport>& pending, std::uint64_t index, const GuardOptions& guards) {
    if (!guards.clip_reports) return;
    for (PendingReport& report : pending) report.last_index = std::min(report.last_index, index - 1);
}

std::optional<HardState> raise_term_before_start(const HardState& hard, const Configuration& latest,
                                                 std::uint64_t node_id, const GuardOptions& guards) {
    if (!guards.bump_sole_voter_term || !latest.sole_voter(node_id)) return std::nullopt;
    return HardState{hard.term + 1, node_id};
}

const char* problem_of(const Message& message) {
    const kontor_raft_message& header = message.header;
    if (header.type != KONTOR_RAFT_APPEND && (header.n_entries != 0 || !message.entries.empty())) {
        return "entries in a message that is no append";
    }
    if (header.peer == 0) return "no sender";
    if (header.term == 0 && header.type != KONTOR_RAFT_APPEND_RESULT &&
        header.type != KONTOR_RAFT_VOTE_RESULT) {
        return "term 0";
    }
    if ((header.log_index == 0) != (header.log_term == 0)) return "an index without a term";
    if (header.log_term > header.term) return "a term from the future";
    switch (header.type) {
        case KONTOR_RAFT_APPEND: {
            if (header.n_entries != message.entries.size()) return "entry count and entries differ";
            std::uint64_t term = header.log_term;
            for (const Entry& entry : message.entries) {
                if (entry.payload == nullptr) return "an entry without a payload";
                if (entry.term == 0 || entry.term < term || entry.term > header.term) return "term order";
                term = entry.term;
                if (entry.type == EntryType::change && !decode_configuration(*entry.payload)) {
                    return "bad configuration";
                }
            }
            if (header.log_index == 0 && !message.entries.empty() &&
                message.entries.front().type != EntryType::change) {
                return "entry 1 is no configuration";
            }
            return nullptr;
        }
        case KONTOR_RAFT_APPEND_RESULT:
            return header.rejected != 0 && header.last_index >= header.rejected
                       ? "a reject that claims the entry"
                       : nullptr;
        case KONTOR_RAFT_VOTE:
            return header.candidate != header.peer ? "a vote for somebody else" : nullptr;
        case KONTOR_RAFT_INSTALL_SNAPSHOT:
            return header.log_index == 0 || header.configuration_index > header.log_index ? "no snapshot"
                                                                                          : nullptr;
        case KONTOR_RAFT_VOTE_RESULT:
        case KONTOR_RAFT_TIMEOUT_NOW:
            return nullptr;
        default:
            return "unknown type";
    }
}

std::vector<std::size_t> parts_of(std::span<const Entry> entries, const GuardOptions& guards) {
    std::vector<std::size_t> parts;
    std::size_t size = 0;
    for (const Entry& entry : entries) {
        if (guards.split_at_change && entry.type == EntryType::change) {
            parts.push_back(size);
            size = 0;
        }
        ++size;
    }
    parts.push_back(size);
    return parts;
}

void anchor_at_snapshot(Message& append, std::uint64_t snapshot_index, std::uint64_t snapshot_term,
                        const GuardOptions& guards) {
    if (!guards.anchor_at_snapshot || append.header.log_index >= snapshot_index) return;
    const auto covered = static_cast<std::ptrdiff_t>(
        std::min<std::uint64_t>(snapshot_index - append.header.log_index, append.entries.size()));
    append.entries.erase(append.entries.begin(), append.entries.begin() + covered);
    append.header.n_entries = static_cast<std::uint32_t>(append.entries.size());
    append.header.log_index = snapshot_index;
    append.header.log_term = snapshot_term;
}

bool is_stale(const kontor_raft_message& header, std::uint64_t current_term, const GuardOptions& guards) {
    if (!guards.drop_stale || header.term >= current_term) return false;
    return header.type == KONTOR_RAFT_INSTALL_SNAPSHOT ||
           (header.type == KONTOR_RAFT_APPEND && header.log_index == 0);
}

bool is_late_reject(const kontor_raft_message& header, std::uint64_t current_term, std::uint64_t match_index,
                    const GuardOptions& guards) {
    return guards.drop_late_rejects && header.type == KONTOR_RAFT_APPEND_RESULT &&
           header.term == current_term && header.rejected != 0 && header.rejected <= match_index;
}

VoteView view_for_vote(const kontor_raft_message& header, bool is_follower, std::uint64_t since_leader_ms,
                       std::uint64_t election_timeout_ms, const GuardOptions& guards) {
    if (!guards.vote_as_voter || header.type != KONTOR_RAFT_VOTE) return {};
    return {true, is_follower && since_leader_ms >= election_timeout_ms};
}

void show_own_term(kontor_raft_message& header, std::uint64_t current_term, const GuardOptions& guards) {
    if (!guards.show_own_term || header.type != KONTOR_RAFT_VOTE_RESULT) return;
    if (header.pre_vote && !header.granted) header.term = std::max(header.term, current_term);
}

bool cut_before_change(kontor_raft_message& header, std::uint64_t change_index, std::uint64_t own_term,
                       const GuardOptions& guards) {
    if (!guards.hold_back_change || header.type != KONTOR_RAFT_APPEND || change_index == 0) return false;
    if (header.log_index + header.n_entries < change_index) return false;
    if (header.log_index >= change_index) {  // behind it: the peer would reject; a heartbeat before it
        header.log_index = change_index - 1;
        header.log_term = own_term;
    }
    header.n_entries = static_cast<std::uint32_t>(change_index - 1 - header.log_index);
    return true;
}

ChangeVerdict may_change(const ChangeContext& context, const GuardOptions& guards) {
    const Server* self = context.wanted->find(context.node_id);
    if (guards.keep_leader_a_voter && (self == nullptr || self->role != ServerRole::voter)) {
        return ChangeVerdict::transfer_first;
    }
    if (differences(*context.current, *context.wanted) > 1) return ChangeVerdict::one_at_a_time;
    if (guards.own_term_before_change &&
        (context.own_term_index == 0 || context.commit_index < context.own_term_index)) {
        return ChangeVerdict::barrier_first;
    }
    if (guards.match_before_change && (!all_match(context) || !majority_answers(context)))
        return ChangeVerdict::wait;
    return ChangeVerdict::allowed;
}

}  // namespace kontor::replication

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

bool all_match(const ChangeContext& context) {
    for (const Server& server : context.wanted->servers) {
        const Server* before = context.current->find(server.id);
        const bool was_voter = before != nullptr && before->role == ServerRole::voter;
        const bool promoted = before != nullptr && !was_voter && server.role == ServerRole::voter;
        if (!was_voter && !promoted) continue;
        if (context.match(context.match_context, server.id) < context.committed_configuration_index)
            return false;
    }
    return true;
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
    if (guards.match_before_change && !all_match(context)) return ChangeVerdict::wait;
    return ChangeVerdict::allowed;
}

}  // namespace kontor::replication

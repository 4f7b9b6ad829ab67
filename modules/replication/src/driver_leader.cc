// What a leader is asked for: entries, other members, another leader.

#include "driver.h"

namespace kontor::replication {

Result<Submitted> Driver::submit(std::uint64_t now_ms, std::vector<Entry> entries, Actions& out) {
    KONTOR_ASSERT(!entries.empty(), "nothing to submit");
    if (finished_) return Submitted{SubmitStatus::not_leader, 0, 0};
    Submitted submitted{SubmitStatus::accepted, last_index() + 1, term()};
    for (Entry& entry : entries) {
        KONTOR_ASSERT(entry.payload != nullptr, "a submitted entry has a payload");
        KONTOR_ASSERT(entry.type != EntryType::change || entries.size() == 1, "a CHANGE is submitted alone");
        entry.term = submitted.term;
    }
    const auto raw = core_entries(entries);
    kontor_raft_update update{};
    const int code = kontor_raft_submit(core_.get(), advance(now_ms), raw.data(), raw.size(), &update);
    switch (code) {
        case KONTOR_RAFT_NOTLEADER:
            submitted.status = SubmitStatus::not_leader;
            return submitted;
        case KONTOR_RAFT_NOSPACE:
            submitted.status = SubmitStatus::no_space;
            return submitted;
        case KONTOR_RAFT_CANTCHANGE:
            submitted.status = SubmitStatus::retry_later;
            return submitted;
        default:
            break;
    }
    KONTOR_CHECK(absorb(code, update, entries, out));
    return submitted;
}

Result<Submitted> Driver::submit_change(std::uint64_t now_ms, const Configuration& wanted, Actions& out,
                                        std::optional<std::uint64_t> asked_ms) {
    KONTOR_TRY(std::string encoded, encode_configuration(wanted));
    advance(now_ms);
    if (finished_ || role() != Role::leader) return Submitted{SubmitStatus::not_leader, 0, 0};
    if (kontor_raft_configuration_uncommitted_index(core_.get()) != 0 || transferee() != 0) {
        return Submitted{SubmitStatus::retry_later, 0, 0};
    }
    ChangeContext context;
    context.node_id = options_.node_id;
    context.commit_index = commit_index();
    context.own_term_index = own_term_index_;
    context.committed_configuration_index = kontor_raft_configuration_committed_index(core_.get());
    context.current = &configuration_;
    context.wanted = &wanted;
    context.match = [](const void* driver, std::uint64_t id) {
        return static_cast<const Driver*>(driver)->match_index(id);
    };
    const std::uint64_t window = options_.election_timeout_ms;
    alive_since_ms_ = asked_ms.value_or(now_ms_ - std::min<std::uint64_t>(now_ms_, window));
    context.answers = [](const void* driver, std::uint64_t id) {
        const Driver& self = *static_cast<const Driver*>(driver);
        const auto heard = self.heard_ms_.find(id);
        return heard != self.heard_ms_.end() && heard->second > self.alive_since_ms_;
    };
    context.asked = this;
    switch (may_change(context, options_.guards)) {
        case ChangeVerdict::allowed:
            break;
        case ChangeVerdict::wait:
            return Submitted{SubmitStatus::retry_later, 0, 0};
        case ChangeVerdict::transfer_first:
        case ChangeVerdict::one_at_a_time:
            return Submitted{SubmitStatus::refused, 0, 0};
        case ChangeVerdict::barrier_first: {
            if (own_term_index_ == 0) {
                Entry barrier{0, EntryType::barrier, std::make_shared<const std::string>(8, '\0')};
                KONTOR_TRY([[maybe_unused]] const auto ignored, submit(now_ms, {std::move(barrier)}, out));
            }
            return Submitted{SubmitStatus::retry_later, 0, 0};
        }
    }
    return submit(
        now_ms, {Entry{0, EntryType::change, std::make_shared<const std::string>(std::move(encoded))}}, out);
}

Result<SubmitStatus> Driver::transfer(std::uint64_t now_ms, std::uint64_t target, Actions& out) {
    if (finished_ || role() != Role::leader) return SubmitStatus::not_leader;
    const Server* server = configuration_.find(target);
    if (server == nullptr || server->role != ServerRole::voter || target == options_.node_id) {
        return SubmitStatus::refused;
    }
    // Waiting for a target that is behind is the engine's weak side (it compares with what the answer says,
    // not with its own last entry): the caller waits instead.
    if (transferee() != 0 || kontor_raft_configuration_uncommitted_index(core_.get()) != 0 ||
        match_index(target) != last_index() || last_stored() != last_index()) {
        return SubmitStatus::retry_later;
    }
    kontor_raft_update update{};
    KONTOR_CHECK(
        absorb(kontor_raft_transfer(core_.get(), advance(now_ms), target, &update), update, {}, out));
    return SubmitStatus::accepted;
}

}  // namespace kontor::replication

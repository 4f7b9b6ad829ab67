// Frozen machines, machines without descriptors, whole machines put back; what readers are told, and what the
// reconcilers of the nodes say to each other.

#include <algorithm>

#include "cluster.h"

namespace kontor::sim {

using namespace replication;  // NOLINT: this file drives it

namespace {

constexpr std::uint64_t kReconcileEveryMs = 100, kLapEveryMs = 50;
constexpr std::uint64_t kAskEvery = 5, kTellEvery = 10, kStoreEvery = 10;  // looks of the reconciler
constexpr std::uint64_t kMaxStalenessMs = 1'000;
// A read may be older by how long an answer was on its way, and by a stop that is too short to be noticed.
constexpr std::uint64_t kSlackMs = 700;
constexpr unsigned kReadsAtOnce = 4;  // of those who waited for a frozen one
constexpr std::uint64_t kNoticedWithinMs = 2'500;

}  // namespace

// --- frozen

void Cluster::freeze(std::size_t i, std::uint64_t ms) {
    Server& server = servers_[i];
    if (!up(i) || is_frozen(i)) return;
    ++stats_.freezes;
    stats_.frozen_leaders += driver(i).role() == Role::leader;
    note("server " + std::to_string(server.id) + " is frozen for " + std::to_string(ms) + " ms");
    server.frozen_ms = now_ms_;
    server.frozen_until_ms = now_ms_ + ms;
}

void Cluster::thaw(std::size_t i) {
    if (!is_frozen(i)) return;
    Server& server = servers_[i];
    server.disk->cut_at(0);  // the power stays, and the disk is as quick as any
    server.slow_disk = false;
    server.disk_free_ms = now_ms_;
    for (Write& write : server.writes) write.due_ms = std::min(write.due_ms, now_ms_);
    wake(i);
}

// Questions that came while it slept are answered first, from what it knew then; then come the frames.
void Cluster::wake(std::size_t i) {
    Server& server = servers_[i];
    server.frozen_until_ms = 0;
    note("server " + std::to_string(server.id) + " wakes up");
    for (unsigned n = 0; n < kReadsAtOnce; ++n) read(i);
    for (Network::Flight& flight : std::exchange(server.sockets, {}))
        network_.send_again(std::move(flight), now_ms_ + random(0, 3));
}

// --- readers

bool Cluster::leads_now(std::size_t i) const {
    const Server& server = servers_[i];
    if (!caught_up(i)) return false;
    if (options_.fault == Fault::trusts_role) return true;
    const std::uint64_t known_at = server.fresh->known_at_ms();
    return known_at == kNeverMs ||
           server.clock->boot_ms() <= known_at + std::min(kMaxStalenessMs, server.election_ms);
}

bool Cluster::knows_now(std::size_t i) const {
    const Server& server = servers_[i];
    const std::uint64_t known_at = server.fresh->known_at_ms();
    if (leads_now(i)) return true;
    return known_at != 0 && known_at != kNeverMs && server.clock->boot_ms() <= known_at + kMaxStalenessMs;
}

void Cluster::read(std::size_t i) {
    if (!is_up_and_free(i)) return;
    if (!knows_now(i)) {
        ++stats_.reads_refused;
        return;
    }
    ++stats_.reads;
    const std::uint64_t limit_ms =
        caught_up(i) ? std::min(kMaxStalenessMs, servers_[i].election_ms) : kMaxStalenessMs;
    const std::uint64_t old_ms = limit_ms + kSlackMs;
    if (now_ms_ < old_ms) return;
    const auto newer =
        std::upper_bound(acknowledged_.begin(), acknowledged_.end(),
                         std::pair(now_ms_ - old_ms, std::numeric_limits<std::uint64_t>::max()));
    if (newer == acknowledged_.begin() || std::prev(newer)->second <= servers_[i].applied) return;
    violate("server " + std::to_string(id_of(i)) + " answers a read from entry " +
            std::to_string(servers_[i].applied) + ", entry " + std::to_string(std::prev(newer)->second) +
            " was acknowledged " + std::to_string(now_ms_ - std::prev(newer)->first) + " ms ago");
}

void Cluster::look(std::size_t i) {
    Server& server = servers_[i];
    if (!server.driver) return;
    (void)server.fresh->look(server.clock->boot_ms());
    server.lap_due_ms = now_ms_ + kLapEveryMs;
}

// As the replica does (replica_cluster.cc).
void Cluster::note_contact(std::size_t i, const Message& message) {
    Server& server = servers_[i];
    const kontor_raft_message& header = message.header;
    if (header.term != server.driver->term()) return;
    const bool answers = header.type == KONTOR_RAFT_APPEND_RESULT ||
                         (header.type == KONTOR_RAFT_VOTE_RESULT && header.granted && !header.pre_vote);
    if (answers && server.driver->configuration().find(header.peer) != nullptr)
        server.fresh->answered(header.peer);
    if (header.type == KONTOR_RAFT_APPEND) server.fresh->heard(header.leader_commit);
}

void Cluster::end_lap(std::size_t i) {
    Server& server = servers_[i];
    if (!server.driver) return;
    Freshness& fresh = *server.fresh;
    const bool leads = server.driver->role() == Role::leader && server.driver->transferee() == 0;
    const std::uint64_t term = server.driver->term();
    const bool stood_still = fresh.wants_entry() && !server.driver->configuration().sole_voter(server.id);
    const bool has_none = server.driver->configuration().servers.size() > 1 && server.proven_term != term &&
                          server.at_applied.term != term &&
                          server.driver->last_index() == server.driver->commit_index();
    if (leads && (stood_still || has_none)) {
        Actions actions;
        auto done = server.driver->submit(
            now_ms_, {Entry{0, EntryType::barrier, std::make_shared<const std::string>(8, '\0')}}, actions);
        if (!done) return violate("barrier: " + done.error().describe());
        if (done->status == SubmitStatus::accepted) server.proven_term = term;
        if (done->status == SubmitStatus::accepted && stood_still) fresh.has_entry(done->first_index);
        carry_out(i, actions);
        if (!server.driver) return;
    }
    const bool is_of_term = server.at_applied.term == server.driver->term();
    if (server.driver->role() == Role::leader) {
        fresh.lead(server.driver->configuration(), server.id, is_of_term,
                   [&](std::uint64_t peer) { return server.driver->match_index(peer); });
    } else {
        fresh.follow(server.applied, is_of_term);
    }
}

// --- reconcilers

std::string Cluster::run_of(std::size_t i) const {
    return std::to_string(servers_[i].id) + "/" + std::to_string(servers_[i].epoch);
}

void Cluster::reconciler(std::size_t i) {
    Server& server = servers_[i];
    server.reconcile_due_ms = now_ms_ + kReconcileEveryMs;
    ++server.looks;
    Word promise{Word::Kind::promise, server.opened->promises->now(), 0, 0, 0};
    const Word question{Word::Kind::asks, {}, server.clock->boot_ms(), 0, 0};
    const bool tells = promise.promise != server.told_promise || server.looks % kTellEvery == 0;
    server.told_promise = promise.promise;
    for (std::size_t k = 0; k < servers_.size(); ++k) {
        if (k == i || !up(k)) continue;
        if (tells) say(i, k, promise);
        if (server.looks % kAskEvery == 0) say(i, k, question);
    }
    if (server.looks % kStoreEvery == 0) server.stored_memory = server.memory;
}

void Cluster::hear(std::size_t i, std::size_t from, const Word& word) {
    Server& server = servers_[i];
    switch (word.kind) {
        case Word::Kind::none:
            return;
        case Word::Kind::promise:
            return hear_promise(i, from, word.promise);
        case Word::Kind::asks:
            if (leads_now(i))
                say(i, from,
                    {Word::Kind::tells, {}, word.asked_ms, server.driver->commit_index(), machine_now_ms(i)});
            return;
        case Word::Kind::tells:
            server.fresh->confirmed(word.asked_ms, word.commit_index);
            server.machine_time->hear(word.machine_ms);
            return;
        case Word::Kind::forgot:
            // It looks itself whether that is true.
            if (cluster::forgotten_by_run(word.promise, server.opened->promises->now()).empty()) return;
            if (!server.was_put_back)
                return violate("server " + std::to_string(server.id) + " is told that it forgot");
            note("server " + std::to_string(server.id) + " is told that it forgot");
            ++stats_.put_back_told;
            server.forgot = true;
            return crash(i);
    }
}

void Cluster::hear_promise(std::size_t i, std::size_t from, const Promise& promise) {
    Server& server = servers_[i];
    server.heard[from] = servers_[from].epoch;
    const auto forgotten = server.memory.hear(servers_[from].id, run_of(from), promise);
    if (forgotten && options_.fault != Fault::no_memory)
        say(i, from, {Word::Kind::forgot, forgotten->promise, 0, 0, 0});
}

bool Cluster::may_hear_log(std::size_t i, std::size_t from) const {
    const Server& server = servers_[i];
    const auto heard = server.heard.find(from);
    return heard != server.heard.end() && heard->second == servers_[from].epoch &&
           (options_.fault == Fault::no_memory ||
            !server.memory.has_forgotten(servers_[from].id, run_of(from)));
}

// --- whole machines put back

bool Cluster::is_remembered(std::size_t i) const {
    const Server& server = servers_[i];
    Promise old = server.backup_promise;
    ++old.generation;  // of the next start
    ++old.sequence;
    for (std::size_t k = 0; k < servers_.size(); ++k) {
        if (k == i) continue;
        if (!is_up_and_free(k) || network_.is_cut(i, k) || network_.is_cut(k, i)) return false;
        if (cluster::forgotten_by_run(servers_[k].stored_memory.promise_of(server.id), old).empty())
            return false;
    }
    return true;
}

bool Cluster::put_back_machine(std::size_t i) {
    crash(i);
    end_starving(i);
    Server& server = servers_[i];
    ++stats_.put_back;
    note("server " + std::to_string(server.id) + " is put back as a whole");
    server.disk->put_back(*server.backup, "");
    server.state->put_back();
    server.stored_memory = server.backup_memory;
    server.was_put_back = true;
    server.hard = {};  // what it promised since is not known to it any more
    restart(i);
    if (!up(i)) return server.forgot;
    if (options_.fault == Fault::no_memory) return false;
    const std::uint64_t give_up = now_ms_ + kNoticedWithinMs;
    while (!server.forgot && now_ms_ < give_up && violation_.empty()) run_until(now_ms_ + 10);
    if (!server.forgot) violate("nobody noticed that server " + std::to_string(server.id) + " forgot");
    return server.forgot;
}

// --- descriptors

void Cluster::starve(std::size_t i, std::uint64_t ms, bool waits) {
    Server& server = servers_[i];
    if (server.starves_until_ms != 0) return;
    ++stats_.shortages;
    note("server " + std::to_string(server.id) + " can open no file for " + std::to_string(ms) + " ms");
    server.starves_until_ms = now_ms_ + ms;
    server.starving_waits = waits;
    if (options_.fault == Fault::counts_unopened)
        server.disk->lies = true;
    else
        server.disk->has_no_descriptors = !waits;
}

void Cluster::end_starving(std::size_t i) {
    Server& server = servers_[i];
    server.starves_until_ms = 0;
    server.starving_waits = false;
    server.disk->has_no_descriptors = false;
    server.disk->lies = options_.fault == Fault::disk_lies;
}

}  // namespace kontor::sim

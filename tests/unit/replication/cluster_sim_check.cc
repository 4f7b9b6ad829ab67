// What the simulated cluster watches: every commit against one history, every leader against every other.

#include "cluster_sim.h"

namespace kontor::replication::test {

namespace {

bool same(const Entry& a, const Entry& b) {
    return a.term == b.term && a.type == b.type && *a.payload == *b.payload;
}

}  // namespace

void SimStats::add(const SimStats& other) {
    commits += other.commits;
    elections += other.elections;
    crashes += other.crashes;
    truncations += other.truncations;
    elected_with_older_entries += other.elected_with_older_entries;
    temptations += other.temptations;
    changes += other.changes;
    transfers += other.transfers;
    checkpoints += other.checkpoints;
    installs += other.installs;
    installs_kept_log += other.installs_kept_log;
    replaced += other.replaced;
    sole_voter_starts += other.sole_voter_starts;
}

std::string ClusterSim::describe() const {
    std::string out;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const Server& server = servers_[i];
        out += " [place " + std::to_string(i) + " id " + std::to_string(server.id);
        if (server.driver) {
            const Driver& d = *server.driver;
            out += " role " + std::to_string(static_cast<int>(d.role())) + " term " +
                   std::to_string(d.term()) + " last " + std::to_string(d.last_index()) + " stored " +
                   std::to_string(d.last_stored()) + " commit " + std::to_string(d.commit_index()) +
                   " snapshot " + std::to_string(d.snapshot_index()) + " configuration " +
                   std::to_string(d.committed_configuration_index()) + "/" +
                   std::to_string(d.configuration_index()) + ":";
            for (const auto& member : d.configuration().servers) {
                out += " " + std::to_string(member.id) + (member.role == ServerRole::voter ? "v" : "s");
            }
        } else {
            out += server.install ? " installing" : " down";
        }
        out += "]";
    }
    return out;
}

void ClusterSim::observe_commit(std::size_t i) {
    Server& server = servers_[i];
    const std::uint64_t commit = server.driver->commit_index();
    for (std::uint64_t index = server.commit_seen + 1; index <= commit; ++index) {
        const Entry* entry = find(i, index);
        if (entry == nullptr) {
            violate("server " + std::to_string(i + 1) + " commits entry " + std::to_string(index) +
                    " that it lacks");
            return;
        }
        if (index <= history_.size()) {
            if (!same(*entry, history_[static_cast<std::size_t>(index - 1)])) {
                violate("two entries at index " + std::to_string(index));
            }
        } else {
            history_.push_back(*entry);
            ++stats_.commits;
        }
    }
    server.commit_seen = std::max(server.commit_seen, commit);
    const Entry* newest = find(i, commit);
    if (server.driver->role() == Role::leader && server.driver->configuration().voters() > 1 &&
        newest != nullptr && commit > 1 && newest->term != server.driver->term()) {
        violate("a leader committed entries of older terms without one of its own");
    }
    if (options_.release_committed) server.driver->release(std::min(commit, server.driver->last_stored()));
}

void ClusterSim::observe_leader(std::size_t i) {
    ++stats_.elections;
    const Driver& driver = *servers_[i].driver;
    const auto [known, fresh] = leader_of_term_.emplace(driver.term(), i);
    if (!fresh && known->second != i) violate("two leaders in term " + std::to_string(driver.term()));
    for (std::size_t k = driver.snapshot_index(); k < history_.size(); ++k) {
        const Entry* entry = find(i, k + 1);
        if (entry == nullptr || !same(*entry, history_[k])) {
            violate("a leader lacks committed entry " + std::to_string(k + 1));
            return;
        }
    }
    for (std::uint64_t index = driver.commit_index() + 1; index <= driver.last_index(); ++index) {
        if (find(i, index)->term < driver.term()) {
            ++stats_.elected_with_older_entries;
            return;
        }
    }
}

void ClusterSim::look_for_temptation(std::size_t i) {
    const Server& server = servers_[i];
    if (!options_.count_temptations || !server.driver || server.driver->role() != Role::leader) return;
    const Driver& driver = *server.driver;
    for (std::uint64_t index = driver.last_index(); index > driver.commit_index(); --index) {
        const Entry& entry = *find(i, index);
        std::size_t copies = 0;
        for (const Server& other : servers_) {
            copies += other.first <= index && other.first + other.disk.size() > index &&
                      same(other.disk[static_cast<std::size_t>(index - other.first)], entry);
        }
        if (2 * copies <= options_.voters) continue;
        stats_.temptations += entry.term < driver.term();
        return;
    }
}

}  // namespace kontor::replication::test

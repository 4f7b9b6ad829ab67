#pragma once
// Five machines in a storm of everything at once: crashes that lose writes, cuts in one or both directions,
// lost messages, slow disks, membership changes, machines that are lost and replaced, checkpoints and
// installs, hand-overs of leadership. After every step the promises of cluster_sim.h; then peace, in which
// the cluster must come to rest with everything committed everywhere and must still take changes.

#include <array>
#include <string>

#include "cluster_sim.h"

namespace kontor::replication::test {

inline constexpr std::size_t kPlaces = 5;

class Storm {
 public:
    explicit Storm(const SimOptions& options) : options_(options), sim_(options) {}

    std::string run() {
        blow();
        if (sim_.violation().empty()) rest();
        if (!sim_.violation().empty()) return sim_.violation() + sim_.describe();
        return "";
    }
    [[nodiscard]] const SimStats& stats() const { return sim_.stats(); }
    [[nodiscard]] std::uint64_t two_lost() const { return two_lost_; }  // voters, at the same time

 private:
    std::size_t somebody() { return static_cast<std::size_t>(sim_.random(0, kPlaces - 1)); }

    // As the replica does it: nothing is submitted until the target has everything.
    bool handing_over() {
        const auto chief = sim_.leader();
        if (hand_over_to_ == 0) return false;
        if (!chief || sim_.now() > hand_over_until_ ||
            sim_.transfer(*chief, hand_over_to_) != SubmitStatus::retry_later) {
            hand_over_to_ = 0;
        }
        return hand_over_to_ != 0;
    }

    void submit_some() {
        if (handing_over()) return;
        for (std::size_t i = 0; i < kPlaces; ++i) {
            if (!sim_.up(i) || sim_.driver(i).role() != Role::leader) continue;
            for (std::uint64_t n = sim_.random(1, 4); n > 0 && sim_.up(i); --n) {
                if (sim_.driver(i).last_index() - sim_.driver(i).commit_index() > 60) break;
                sim_.submit(i, "value " + std::to_string(++value_));
            }
        }
    }

    void blow() {
        std::uint64_t next_client = 100;
        std::uint64_t next_chaos = 500;
        while (sim_.now() < 15'000 && sim_.violation().empty()) {
            sim_.run_until(std::min(next_client, next_chaos));
            if (sim_.now() >= next_client) {
                next_client = sim_.now() + sim_.random(5, 50);
                submit_some();
            }
            if (sim_.now() < next_chaos) continue;
            next_chaos = sim_.now() + sim_.random(10, 150);
            disturb();
        }
    }

    void disturb() {
        const auto chief = sim_.leader();
        const std::uint64_t dice = sim_.random(0, 99);
        if (dice < 12) {
            sim_.crash(somebody());
        } else if (dice < 17) {
            if (chief) sim_.crash(*chief);
        } else if (dice < 43) {
            sim_.restart(somebody());
        } else if (dice < 46) {
            sim_.cut(somebody(), somebody());
        } else if (dice < 51) {
            sim_.cut_one_way(somebody(), somebody());
        } else if (dice < 56) {
            std::vector<int> group;
            for (std::size_t i = 0; i < kPlaces; ++i) group.push_back(static_cast<int>(sim_.random(0, 1)));
            sim_.partition(group);
        } else if (dice < 66) {
            sim_.heal();
        } else if (dice < 70) {
            hand_over_to_ = sim_.id_of(somebody());
            hand_over_until_ = sim_.now() + 300;
        } else if (dice < 84) {
            if (chief) change_something(*chief);
        } else if (dice < 86) {
            lose_a_machine();
        } else if (dice < 98) {
            sim_.checkpoint(somebody(), sim_.random(0, 15));
        }
    }

    void change_something(std::size_t chief) {
        // Until the leader can know of a lost voter: a demotion before that loses two of three.
        if (lost_ms_ != 0 && sim_.now() < lost_ms_ + 600) return;
        Configuration wanted = sim_.driver(chief).configuration();
        const std::size_t members = wanted.servers.size();
        const std::uint64_t pick = sim_.random(0, members + kPlaces - 1);
        if (pick >= members) {  // a machine that is no member
            const std::uint64_t id = sim_.id_of(static_cast<std::size_t>(pick - members));
            if (wanted.find(id) != nullptr) return;
            wanted.servers.push_back({id, "node" + std::to_string(id), ServerRole::standby});
        } else {
            Server& server = wanted.servers[static_cast<std::size_t>(pick)];
            const std::uint64_t what = sim_.random(0, 3);
            if (server.role == ServerRole::standby) {
                if (what == 3) {
                    wanted.servers.erase(wanted.servers.begin() + static_cast<std::ptrdiff_t>(pick));
                } else if (sim_.driver(chief).match_index(server.id) + 4 >=
                           sim_.driver(chief).commit_index()) {
                    server.role = ServerRole::voter;
                }
            } else if (wanted.voters() > options_.min_voters && what < 2) {
                if (what == 0) {
                    server.role = ServerRole::standby;
                } else {
                    wanted.servers.erase(wanted.servers.begin() + static_cast<std::ptrdiff_t>(pick));
                }
            }
        }
        if (wanted != sim_.driver(chief).configuration()) sim_.change(chief, wanted);
    }

    // Fewer than half of the voters, and never while a change is on its way: more than that no consensus
    // survives.
    void lose_a_machine() {
        const auto chief = sim_.leader();
        const std::size_t place = somebody();
        if (!chief || *chief == place) return;
        const Driver& leader = sim_.driver(*chief);
        if (leader.configuration_index() != leader.committed_configuration_index()) return;
        const Configuration& now = leader.configuration();
        const Server* server = now.find(sim_.id_of(place));
        std::size_t gone = 0;
        for (const auto& member : now.servers)
            gone += member.role == ServerRole::voter && sim_.is_gone(member.id);
        if (server != nullptr && server->role == ServerRole::voter) {
            if (2 * (gone + 1) >= now.voters()) return;
            for (std::size_t i = 0; i < kPlaces; ++i) {  // everybody agrees on who the voters are
                // In the place of one that is gone: it knows nothing yet.
                if (gone != 0 && now.find(sim_.id_of(i)) == nullptr) continue;
                if (!sim_.up(i) || sim_.driver(i).configuration() != now) return;
                if (sim_.driver(i).configuration_index() != leader.configuration_index()) return;
            }
        }
        if (gone != 0 && (server == nullptr || server->role != ServerRole::voter)) return;
        two_lost_ += gone != 0;
        sim_.replace(place);
        lost_ms_ = sim_.now();
    }

    void rest() {
        sim_.heal();
        sim_.calm();
        for (std::size_t i = 0; i < kPlaces; ++i) {
            sim_.crash(i);  // with the slow disks
            sim_.restart(i);
        }
        sim_.run_until(sim_.now() + 5'000);
        settle("in peace");
        if (!sim_.violation().empty()) return;
        for (int round = 0; round < 40 && sim_.violation().empty(); ++round) {
            if (!mend()) break;
            if (round == 39) sim_.violate("the cluster takes no changes any more");
            sim_.run_until(sim_.now() + 500);
        }
        settle("after the changes in peace");
    }

    // One step towards: no lost member, every place a voter. False: nothing is left to do.
    bool mend() {
        const auto chief = sim_.leader();
        if (!chief) return true;
        Configuration wanted = sim_.driver(*chief).configuration();
        // A lost voter first: nothing else is allowed while one is behind.
        for (const ServerRole role : {ServerRole::voter, ServerRole::standby}) {
            for (auto it = wanted.servers.begin(); it != wanted.servers.end(); ++it) {
                if (it->role != role || !sim_.is_gone(it->id)) continue;
                wanted.servers.erase(it);
                sim_.change(*chief, wanted);
                return true;
            }
        }
        for (std::size_t i = 0; i < kPlaces; ++i) {
            if (wanted.find(sim_.id_of(i)) != nullptr) continue;
            wanted.servers.push_back(
                {sim_.id_of(i), "node" + std::to_string(sim_.id_of(i)), ServerRole::standby});
            sim_.change(*chief, wanted);
            return true;
        }
        for (Server& server : wanted.servers) {
            if (server.role == ServerRole::voter) continue;
            server.role = ServerRole::voter;
            sim_.change(*chief, wanted);
            return true;
        }
        return sim_.driver(*chief).configuration_index() !=
               sim_.driver(*chief).committed_configuration_index();
    }

    void settle(const std::string& when) {
        for (int attempt = 0; attempt < 40; ++attempt) {
            const auto chief = sim_.leader();
            if (chief && sim_.submit(*chief, "last " + std::to_string(++value_))) break;
            sim_.run_until(sim_.now() + 250);
        }
        sim_.run_until(sim_.now() + 5'000);
        const auto chief = sim_.leader();
        if (!chief) {
            sim_.violate("no leader " + when);
            return;
        }
        const Driver& leader = sim_.driver(*chief);
        if (leader.commit_index() != leader.last_index()) sim_.violate("the leader cannot commit " + when);
        for (const auto& member : leader.configuration().servers) {
            const auto place = sim_.place_of(member.id);
            if (!place) continue;  // lost for ever
            if (!sim_.up(*place) || sim_.driver(*place).commit_index() != leader.last_index()) {
                sim_.violate("member " + std::to_string(member.id) + " did not catch up " + when);
            } else if (sim_.driver(*place).committed_configuration_index() != leader.configuration_index()) {
                sim_.violate("member " + std::to_string(member.id) + " is stuck in a configuration " + when);
            }
        }
    }

    const SimOptions options_;
    ClusterSim sim_;
    std::uint64_t value_ = 0, lost_ms_ = 0, two_lost_ = 0;
    std::uint64_t hand_over_to_ = 0, hand_over_until_ = 0;
};

inline SimOptions storm_options(std::uint64_t seed) {
    SimOptions options;
    options.seed = seed;
    options.servers = kPlaces;
    options.voters = 1 + seed % 5;
    options.min_voters = seed % 3 == 0 ? 1 : 2;
    options.drop = seed % 4 == 0 ? 0.0 : 0.02;
    options.max_inflight_entries = std::array{4U, 8U, 32U, 16U}[seed % 4];
    options.vary_timing = true;
    options.release_committed = seed % 2 == 0;
    options.max_append_bytes = seed % 5 == 0 ? 20 : 1U << 20U;
    options.count_temptations = false;
    return options;
}

}  // namespace kontor::replication::test

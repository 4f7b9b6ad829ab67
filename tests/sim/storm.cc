#include "storm.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace kontor::sim {

using replication::Configuration;
using replication::Role;
using replication::ServerRole;
using replication::SubmitStatus;

namespace {

constexpr std::uint64_t kStormMs = 8'000;
constexpr int kPatience = 60;
constexpr std::uint64_t kStuckMs = 5'000;     // after the last fault has ended nothing waits for longer
constexpr std::uint64_t kTimeOutsMs = 4'000;  // the longest of the shop's reservations
constexpr std::uint64_t kLongFreezeMs = 20'000, kFreezeMs = 3'000, kShortageMs = 2'500;
constexpr std::uint64_t kSnapshotMs = 2'000;  // how old it is

std::string base_folder() {
    static const std::string found = [] {
        std::error_code code;
        const bool has_memory = std::filesystem::exists("/dev/shm", code) && ::access("/dev/shm", W_OK) == 0;
        return has_memory ? std::string("/dev/shm") : std::filesystem::temp_directory_path().string();
    }();
    return found;
}

std::string address(std::uint64_t id) {
    return "node-" + std::to_string(id);
}

}  // namespace

Options storm_options(std::uint64_t seed) {
    Options options;
    options.seed = seed;
    options.places = 3 + seed % 3;
    options.with_store = seed % 10 == 0;
    options.drop = seed % 4 == 0 ? 0.0 : 0.02;
    options.max_inflight_entries = std::array{4U, 8U, 32U, 16U}[seed % 4];
    options.max_append_bytes = seed % 5 == 0 ? 200 : 1U << 20U;
    options.segment_bytes = seed % 2 == 0 ? 4'096 : 24'576;
    options.folder = base_folder() + "/kontor-sim-" + std::to_string(::getpid()) + "-" + std::to_string(seed);
    return options;
}

std::string Storm::run() {
    grow();
    if (fine()) blow();
    if (fine()) rest();
    return fine() ? "" : cluster_.violation() + cluster_.describe();
}

void Storm::grow() {
    for (int round = 0; round < kPatience && fine(); ++round) {
        cluster_.run_until(cluster_.now() + 200);
        if (cluster_.leader() && !mend(voters_)) return;
        shop_.step();
    }
    cluster_.violate("the cluster does not grow");
}

bool Storm::handing_over() {
    const auto chief = cluster_.leader();
    if (hand_over_to_ == 0) return false;
    if (!chief || cluster_.now() > hand_over_until_ ||
        cluster_.transfer(*chief, hand_over_to_) != SubmitStatus::retry_later) {
        hand_over_to_ = 0;
    }
    return hand_over_to_ != 0;
}

void Storm::blow() {
    end_ms_ = cluster_.now() + kStormMs;
    std::uint64_t next_client = cluster_.now();
    std::uint64_t next_chaos = cluster_.now() + 300;
    while (cluster_.now() < end_ms_ && fine()) {
        cluster_.run_until(std::min(next_client, next_chaos));
        if (cluster_.now() >= next_client) {
            next_client = cluster_.now() + cluster_.random(10, 80);
            if (!handing_over()) shop_.step();
            cluster_.read(somebody());
        }
        if (cluster_.now() < next_chaos) continue;
        next_chaos = cluster_.now() + cluster_.random(10, 150);
        disturb();
    }
}

void Storm::disturb() {
    const auto chief = cluster_.leader();
    const std::uint64_t dice = cluster_.random(0, 99), rare = cluster_.random(0, 149);
    if (freezes_leaders_ && chief && rare >= 8 && rare < 38) {
        freeze(*chief);
    } else if (rare == 0) {
        if (cluster_.take_over(somebody())) lost_ms_ = cluster_.now();
    } else if (rare <= 3) {
        freeze(rare == 1 && chief ? *chief : somebody());
    } else if (rare == 7) {
        put_a_machine_back(somebody());
    } else if (rare <= 6) {
        cluster_.starve(somebody(), cluster_.random(50, kShortageMs), cluster_.random(0, 1) == 0);
    } else if (dice < 8) {
        cluster_.crash(somebody());
    } else if (dice < 13) {
        cluster_.crash_at_work(somebody());
    } else if (dice < 17) {
        if (chief) cluster_.crash(*chief);
    } else if (dice < 43) {
        const std::size_t place = somebody();
        if (cluster_.random(0, 1) == 0) cluster_.back_up(place);
        cluster_.restart(place);
    } else if (dice < 64) {
        disturb_links(dice);
    } else if (dice < 67) {
        hand_over_to_ = cluster_.id_of(somebody());
        hand_over_until_ = cluster_.now() + 300;
    } else if (dice < 79) {
        if (chief) change_something(*chief);
    } else if (dice < 82) {
        lose_a_machine();
    } else if (dice < 85) {
        cluster_.move_clock(somebody());
    } else {
        cluster_.checkpoint(somebody());
    }
}

// Few of them for long: then the storm lasts until it wakes up.
void Storm::freeze(std::size_t place) {
    const bool is_long = cluster_.random(0, 15) == 0;
    const std::uint64_t ms =
        is_long ? cluster_.random(kFreezeMs, kLongFreezeMs) : cluster_.random(300, kFreezeMs);
    cluster_.freeze(place, ms);
    if (is_long) end_ms_ = std::max(end_ms_, cluster_.now() + ms + 500);
}

void Storm::disturb_links(std::uint64_t dice) {
    if (dice < 46) {
        const std::size_t a = somebody(), b = somebody();
        cluster_.cut(a, b);
        cluster_.cut(b, a);
    } else if (dice < 50) {
        cluster_.cut(somebody(), somebody());
    } else if (dice < 54) {
        std::vector<int> group;
        for (std::size_t i = 0; i < cluster_.places(); ++i)
            group.push_back(static_cast<int>(cluster_.random(0, 1)));
        cluster_.partition(group);
    } else {
        cluster_.heal();
    }
}

void Storm::change_something(std::size_t chief) {
    // Until the leader can know of a lost voter: a demotion before that loses two of three.
    if (lost_ms_ != 0 && cluster_.now() < lost_ms_ + 600) return;
    Configuration wanted = cluster_.driver(chief).configuration();
    const std::size_t members = wanted.servers.size();
    const std::uint64_t pick = cluster_.random(0, members + cluster_.places() - 1);
    if (pick >= members) {  // a machine that is no member
        const std::uint64_t id = cluster_.id_of(static_cast<std::size_t>(pick - members));
        if (wanted.find(id) != nullptr) return;
        wanted.servers.push_back({id, address(id), ServerRole::standby});
    } else {
        auto& server = wanted.servers[static_cast<std::size_t>(pick)];
        const std::uint64_t what = cluster_.random(0, 3);
        const auto erase = [&] {
            wanted.servers.erase(wanted.servers.begin() + static_cast<std::ptrdiff_t>(pick));
        };
        if (server.role == ServerRole::standby) {
            if (what == 3) {
                erase();
            } else if (cluster_.driver(chief).match_index(server.id) + 4 >=
                       cluster_.driver(chief).commit_index()) {
                server.role = ServerRole::voter;
            }
        } else if (wanted.voters() > min_voters_ && what < 2) {
            if (what == 0) {
                server.role = ServerRole::standby;
            } else {
                erase();
            }
        }
    }
    if (wanted != cluster_.driver(chief).configuration()) cluster_.change(chief, wanted);
}

// At most one of the voters, of three or more, and never while a change is on its way: more than that no
// consensus survives.
bool Storm::may_lose(std::size_t place) const {
    const auto chief = cluster_.leader();
    if (!chief || *chief == place) return false;
    const auto& leader = cluster_.driver(*chief);
    if (leader.configuration_index() != leader.committed_configuration_index()) return false;
    const Configuration now = leader.configuration();
    const auto* server = now.find(cluster_.id_of(place));
    if (server != nullptr && server->role == ServerRole::voter) {
        if (now.voters() < 3) return false;
        for (std::size_t i = 0; i < cluster_.places(); ++i) {  // everybody agrees on who the voters are
            if (!cluster_.up(i) || cluster_.driver(i).configuration() != now) return false;
            if (cluster_.driver(i).configuration_index() != leader.configuration_index()) return false;
        }
    }
    for (const auto& member : now.servers) {
        if (member.role == ServerRole::voter && cluster_.is_gone(member.id)) return false;
    }
    return true;
}

void Storm::lose_a_machine() {
    const std::size_t place = somebody();
    if (!may_lose(place)) return;
    // Its folder is put back from a backup: when it forgot something it is as good as lost.
    if (cluster_.has_backup(place) && cluster_.random(0, 3) != 0 && !cluster_.put_back(place)) return;
    cluster_.replace(place);
    lost_ms_ = cluster_.now();
}

// A snapshot of a whole machine, put back when the others had time to write down what it promised since. As
// many as possible hear nothing of the leader meanwhile, so that what the snapshot lacks is on a bare
// majority; and those of it that are left die as soon as the machine is back.
void Storm::put_a_machine_back(std::size_t place) {
    cluster_.crash(place);
    cluster_.back_up(place);
    cluster_.heal();
    for (std::size_t i = 0; i < cluster_.places(); ++i) cluster_.restart(i);
    const auto chief = cluster_.leader();
    if (!chief || *chief == place) return;
    const Configuration now = cluster_.driver(*chief).configuration();
    const auto* mine = now.find(cluster_.id_of(place));
    if (now.voters() < 3 || mine == nullptr || mine->role != ServerRole::voter) return;
    std::size_t missing = now.voters() / 2 - 1;  // for a majority, beside the leader and the machine
    std::vector<std::size_t> know{*chief};
    for (std::size_t i = 0; i < cluster_.places(); ++i) {
        const auto* server = now.find(cluster_.id_of(i));
        if (i == *chief || i == place || server == nullptr) continue;
        if (server->role == ServerRole::voter && missing != 0) {
            --missing;
            know.push_back(i);
            continue;
        }
        cluster_.cut(*chief, i);
        cluster_.cut(i, *chief);
    }
    for (const std::uint64_t end = cluster_.now() + kSnapshotMs; cluster_.now() < end && fine();) {
        cluster_.run_until(cluster_.now() + 60);
        shop_.step();
    }
    if (!fine() || !cluster_.has_backup(place) || !may_lose(place) || !cluster_.is_remembered(place)) return;
    if (cluster_.put_back_machine(place)) {
        cluster_.replace(place);
        lost_ms_ = cluster_.now();
    }
    for (const std::size_t i : know) cluster_.crash(i);
    cluster_.run_until(cluster_.now() + kFreezeMs / 2);  // time enough to go on without them, if they could
}

bool Storm::mend(std::size_t voters) {
    const auto chief = cluster_.leader();
    if (!chief) return true;
    Configuration wanted = cluster_.driver(*chief).configuration();
    // A lost voter first: nothing else is allowed while one is behind.
    for (const ServerRole role : {ServerRole::voter, ServerRole::standby}) {
        for (auto it = wanted.servers.begin(); it != wanted.servers.end(); ++it) {
            if (it->role != role || !cluster_.is_gone(it->id)) continue;
            wanted.servers.erase(it);
            cluster_.change(*chief, wanted);
            return true;
        }
    }
    for (std::size_t i = 0; i < cluster_.places(); ++i) {
        const std::uint64_t id = cluster_.id_of(i);
        if (wanted.find(id) != nullptr) continue;
        wanted.servers.push_back({id, address(id), ServerRole::standby});
        cluster_.change(*chief, wanted);
        return true;
    }
    for (auto& server : wanted.servers) {
        if (server.role == ServerRole::voter || wanted.voters() >= voters) continue;
        server.role = ServerRole::voter;
        cluster_.change(*chief, wanted);
        return true;
    }
    return cluster_.driver(*chief).configuration_index() !=
           cluster_.driver(*chief).committed_configuration_index();
}

// Every fault ends now: cables, disks, descriptors, frozen machines, and in every other seed the clocks too.
void Storm::end_faults() {
    cluster_.heal();
    cluster_.calm();
    const bool clocks_too = cluster_.random(0, 1) == 0;
    for (std::size_t i = 0; i < cluster_.places(); ++i) {
        if (clocks_too) cluster_.set_clock_right(i);
        cluster_.end_starving(i);
        if (cluster_.is_frozen(i) && cluster_.random(0, 1) == 0) {
            cluster_.thaw(i);
            continue;
        }
        cluster_.crash(i);  // with the slow disks
        cluster_.restart(i);
    }
}

// Whatever was asked for, before and now, is answered and at its end within kStuckMs.
void Storm::nothing_is_stuck() {
    const std::uint64_t ended_ms = cluster_.now();
    shop_.faults_ended();
    for (bool is_over = false; fine() && !is_over;) {
        is_over = cluster_.now() >= ended_ms + kStuckMs + kTimeOutsMs;
        shop_.work();
        cluster_.run_until(cluster_.now() + 40);
        if (cluster_.now() >= ended_ms + kStuckMs) shop_.check_not_stuck(ended_ms, kStuckMs);
    }
    if (fine()) shop_.check_time_outs();
}

void Storm::rest() {
    end_faults();
    nothing_is_stuck();
    settle("in peace");
    for (int round = 0; round < kPatience && fine(); ++round) {
        if (!mend(cluster_.places())) break;
        if (round == kPatience - 1) cluster_.violate("the cluster takes no changes any more");
        cluster_.run_until(cluster_.now() + 500);
    }
    settle("after the changes in peace");
    if (!fine()) return;
    shop_.check_totals();
    cluster_.check_whole_states();
}

void Storm::settle(const std::string& when) {
    for (int attempt = 0; attempt < kPatience && fine(); ++attempt) {
        shop_.tidy();
        cluster_.run_until(cluster_.now() + 250);
        if (!shop_.has_unknown() && attempt > 8) break;
    }
    if (!fine()) return;
    if (shop_.has_unknown()) cluster_.violate("commands stay unknown " + when);
    cluster_.run_until(cluster_.now() + 1'000);
    const auto chief = cluster_.leader();
    if (!chief) return cluster_.violate("no leader " + when);
    const auto& leader = cluster_.driver(*chief);
    if (leader.commit_index() != leader.last_index()) cluster_.violate("the leader cannot commit " + when);
    for (const auto& member : leader.configuration().servers) {
        const auto place = cluster_.place_of(member.id);
        if (!place) continue;  // lost for ever
        if (!cluster_.up(*place) || cluster_.driver(*place).commit_index() != leader.last_index() ||
            cluster_.applied(*place) != leader.last_index()) {
            cluster_.violate("member " + std::to_string(member.id) + " did not catch up " + when);
        }
    }
}

}  // namespace kontor::sim

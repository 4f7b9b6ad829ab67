// The machines of the simulated cluster: starts, crashes that lose what was not synced, checkpoints,
// installs, and machines that are lost and replaced.

#include <algorithm>

#include "cluster_sim.h"

namespace kontor::replication::test {

void ClusterSim::restart(std::size_t i) {
    Server& server = servers_[i];
    if (server.driver || server.install) return;
    ++server.epoch;
    DriverOptions options;
    options.node_id = server.id;
    options.address = address_of(server.id);
    options.seed = static_cast<unsigned>(rng_());
    options.election_timeout_ms = options_.vary_timing ? static_cast<unsigned>(random(200, 500)) : 300;
    options.heartbeat_ms = 50;
    options.install_snapshot_timeout_ms = 1'000;
    options.max_inflight_entries = options_.max_inflight_entries;
    options.guards = options_.guards;
    server.slow_disk = options_.vary_timing && !calm_ && random(0, 9) == 0;
    server.driver = *Driver::create(options);
    server.commit_seen = server.snapshot ? server.snapshot->index : 0;
    server.last_timeout_ms = now_ms_;
    StartState state;
    state.hard = server.hard;
    state.snapshot = server.snapshot;
    state.start_index = server.first;
    state.entries = server.disk;
    if (const auto raised = server.driver->before_start(state)) {
        ++stats_.sole_voter_starts;
        server.hard = state.hard = *raised;
    }
    Actions actions;
    check(server.driver->start(now_ms_, state, actions), "start");
    carry_out(i, actions);
}

// Some of the writes in the queue were complete, the next one in part.
void ClusterSim::lose_writes(Server& server) {
    std::uint64_t complete = options_.lying_disk ? 0 : random(0, server.writes.size());
    for (; complete > 0; --complete) {
        write_to_disk(server, server.writes.front().append, server.writes.front().append.entries.size());
        server.writes.pop_front();
    }
    if (!server.writes.empty() && !options_.lying_disk && random(0, 1) == 1) {
        const AppendAction& torn = server.writes.front().append;
        write_to_disk(server, torn, static_cast<std::size_t>(random(0, torn.entries.size())));
    }
    server.writes.clear();
    server.disk_free_us = 0;
}

void ClusterSim::crash(std::size_t i) {
    Server& server = servers_[i];
    if (server.install) {  // interrupted: undone
        server.install.reset();
        ++stats_.crashes;
    }
    if (!server.driver) return;
    ++stats_.crashes;
    lose_writes(server);
    server.driver.reset();
}

void ClusterSim::write_to_disk(Server& server, const AppendAction& append, std::size_t n) {
    if (append.first_index > server.first + server.disk.size()) {
        violate("a write leaves a gap in the log");
        return;
    }
    if (append.first_index < server.first) {
        violate("a write truncates below the checkpoint");
        return;
    }
    server.disk.resize(static_cast<std::size_t>(append.first_index - server.first));
    server.disk.insert(server.disk.end(), append.entries.begin(),
                       append.entries.begin() + static_cast<std::ptrdiff_t>(n));
}

SnapshotMeta ClusterSim::meta_at(std::uint64_t index) const {
    SnapshotMeta meta;
    meta.index = index;
    meta.term = history_[static_cast<std::size_t>(index - 1)].term;
    for (meta.configuration_index = index; meta.configuration_index > 0; --meta.configuration_index) {
        const Entry& entry = history_[static_cast<std::size_t>(meta.configuration_index - 1)];
        if (entry.type != EntryType::change) continue;
        meta.configuration = *entry.payload;
        break;
    }
    return meta;
}

void ClusterSim::checkpoint(std::size_t i, std::uint64_t trailing) {
    Server& server = servers_[i];
    if (!server.driver) return;
    const std::uint64_t index = std::min(server.commit_seen, server.driver->last_stored());
    if (index < server.driver->snapshot_index() + 5) return;
    const SnapshotMeta meta = meta_at(index);
    Actions actions;
    const auto taken = server.driver->snapshot_taken(now_ms_, meta, trailing, actions);
    if (!taken) {
        violate("checkpoint: " + taken.error().describe());
        return;
    }
    if (*taken) {
        ++stats_.checkpoints;
        server.snapshot = meta;
        if (index > trailing && index - trailing + 1 > server.first) {
            const auto drop = static_cast<std::ptrdiff_t>(index - trailing + 1 - server.first);
            server.disk.erase(server.disk.begin(), server.disk.begin() + drop);
            server.first += static_cast<std::uint64_t>(drop);
        }
    }
    carry_out(i, actions);
}

// As the replica does: it is deaf at once, its disk finishes or not, the state is fetched, the folder is made
// ready, and it starts again.
void ClusterSim::begin_install(std::size_t i, const SnapshotNeeded& needed) {
    Server& server = servers_[i];
    if (random(0, 1) == 1) {
        while (!server.writes.empty()) {
            write_to_disk(server, server.writes.front().append, server.writes.front().append.entries.size());
            server.writes.pop_front();
        }
    }
    lose_writes(server);
    server.driver.reset();
    server.install = Install{needed, now_ms_ + (random(0, 2) == 0 ? random(100, 3'000) : random(1, 60))};
}

bool ClusterSim::take_over(Server& server, const SnapshotMeta& meta) {
    const std::uint64_t last = server.first + server.disk.size() - 1;
    const bool holds = meta.index >= server.first && meta.index <= last;
    const std::uint64_t term_at =
        holds ? server.disk[static_cast<std::size_t>(meta.index - server.first)].term : 0;
    switch (plan_install(server.first, term_at, meta.index, meta.term)) {
        case InstallPlan::refuse:
            return false;
        case InstallPlan::keep_log:
            ++stats_.installs_kept_log;
            break;
        case InstallPlan::reset_log:
            server.disk.clear();
            server.first = meta.index + 1;
    }
    if (meta.term > server.hard.term) server.hard = {meta.term, 0};
    server.snapshot = meta;
    ++stats_.installs;
    return true;
}

void ClusterSim::finish_install(std::size_t i) {
    const Install install = *servers_[i].install;
    servers_[i].install.reset();
    std::vector<const SnapshotMeta*> donors;
    for (const Server& other : servers_) {
        if (other.driver && other.snapshot && other.snapshot->index >= install.needed.at.index) {
            donors.push_back(&*other.snapshot);
        }
    }
    if (!donors.empty()) {
        const SnapshotMeta meta = *donors[static_cast<std::size_t>(random(0, donors.size() - 1))];
        if (!take_over(servers_[i], meta)) violate("a checkpoint older than the log was to be installed");
    }
    restart(i);
}

void ClusterSim::replace(std::size_t i) {
    crash(i);
    ++stats_.replaced;
    Server& server = servers_[i];
    server.install.reset();
    server.id = ++next_id_;
    server.hard = {};
    server.first = 1;
    server.disk.clear();
    server.snapshot.reset();
    const auto chief = leader();
    if (chief && servers_[*chief].snapshot && random(0, 1) == 1)
        take_over(server, *servers_[*chief].snapshot);
    restart(i);
}

}  // namespace kontor::replication::test

// Machines that start, crash, are replaced, and take a peer's state.

#include <algorithm>
#include <filesystem>

#include "cluster.h"
#include "install.h"
#include "kontor/machine/times.h"
#include "log.h"
#include "take_over.h"

namespace kontor::sim {

using namespace replication;  // NOLINT: this file drives it

namespace fs = std::filesystem;

namespace {
constexpr std::int64_t kDriftPpm = 500;  // worse than any quartz
constexpr unsigned kHeartbeatMs = 50;
}  // namespace

void Cluster::new_machine(std::size_t i) {
    Server& server = servers_[i];
    const unsigned epoch = server.epoch + 1;  // what the lost one sent does not come from the new one
    if (!server.folder.empty()) fs::remove_all(server.folder);
    server = Server{};
    server.epoch = epoch;
    server.id = ++next_id_;
    server.folder = options_.folder + "/" + std::to_string(server.id);
    fs::create_directories(server.folder + "/log");
    server.disk = std::make_unique<Disk>(server.folder + "/log", rng_);
    server.disk->lies = options_.fault == Fault::disk_lies;
    server.state = options_.with_store ? store_state(server.folder + "/store", rng_) : memory_state();
    server.clock = std::make_unique<PlaceClock>(
        now_ms_, static_cast<std::int64_t>(random(0, 2 * kDriftPpm)) - kDriftPpm);
    move_clock(i);
}

ReplicaOptions Cluster::replica_options(const Server& server) const {
    ReplicaOptions options;
    options.folder = server.folder + "/log";
    options.node_id = server.id;
    if (options_.fault != Fault::no_marker) options.marker = server.folder + "/marker";
    options.address = "node-" + std::to_string(server.id);
    options.segment_bytes = options_.segment_bytes;
    static const class : public Clock {
        std::int64_t wall_ms() const override { return 0; }
        std::uint64_t monotonic_ms() const override { return 0; }
    } clock;
    options.clock = &clock;
    return options;
}

// As the node does: the state first, then the log with what its checkpoint remembers.
Result<void> Cluster::open(Server& server) {
    KONTOR_CHECK(server.state->open());
    server.machine_time = std::make_unique<node::MachineTime>(*server.clock);
    server.state->read([&](const store::Reader& rows) {
        server.machine_time->at_least(machine::last_times(rows).machine_ms);
    });
    const ReplicaOptions options = replica_options(server);
    if (server.new_machine && server.id != 1) {
        const auto identity = Replica::identity(options.folder);
        if (!identity || !*identity)
            KONTOR_CHECK(install_folder(options, server.state->checkpoint().meta, cluster_, *server.disk));
    }
    server.new_machine = false;
    const CheckpointInfo checkpoint = server.state->checkpoint();
    KONTOR_TRY(server.opened, open_folder(options, checkpoint.meta, *server.disk));
    if (server.id == 1) cluster_ = server.opened->state->state().cluster;
    return {};
}

void Cluster::restart(std::size_t i) {
    Server& server = servers_[i];
    if (server.driver || server.install || !violation_.empty()) return;
    ++server.epoch;
    if (server.forgot || is_frozen(i)) return;
    if (auto opened = open(server); !opened) {
        server.forgot = opened.error().code == ErrorCode::conflict && server.backup.has_value();
        if (server.forgot) {
            note("server " + std::to_string(server.id) + " forgot: " + opened.error().message);
            close(server);
            return;
        }
        took(i, opened, "start");
        close(server);
        return;
    }
    DriverOptions options;
    options.node_id = server.id;
    options.address = "node-" + std::to_string(server.id);
    options.seed = static_cast<unsigned>(rng_());
    options.election_timeout_ms = static_cast<unsigned>(random(200, 500));
    options.heartbeat_ms = kHeartbeatMs;
    options.install_snapshot_timeout_ms = 1'000;
    options.max_inflight_entries = options_.max_inflight_entries;
    server.slow_disk = !calm_ && random(0, 9) == 0;
    server.driver = *Driver::create(options);
    StartState& start = server.opened->start;
    if (start.hard.term < server.hard.term ||
        (start.hard.term == server.hard.term && start.hard.vote != server.hard.vote && server.hard.vote != 0))
        violate("server " + std::to_string(server.id) + " forgot its term or vote");
    if (const auto raised = server.driver->before_start(start)) {
        if (auto stored = server.opened->state->store(*raised); !stored) {
            took(i, stored, "state file");
            return;
        }
        server.opened->promises->voted(server.opened->state->sequence(), raised->term);
        server.hard = start.hard = *raised;
    }
    server.at_applied = server.at_command = start.snapshot.value_or(SnapshotMeta{});
    server.published = server.applied = server.at_applied.index;
    server.last_timeout_ms = now_ms_;
    server.proven_term = 0;
    server.election_ms = options.election_timeout_ms;
    server.fresh =
        std::make_unique<Freshness>(std::max(kStallHeartbeats * kHeartbeatMs, server.election_ms / 2));
    server.reconcile_due_ms = server.lap_due_ms = now_ms_;
    server.memory = server.stored_memory;
    server.heard.clear();
    server.told_promise = {};
    server.fault_due =
        server.id == 2 && (options_.fault == Fault::loses_posting || options_.fault == Fault::applies_twice);
    if (server.state->applied() != server.applied) violate("state and checkpoint do not stand for the same");
    if (const std::uint64_t at = server.applied; at != 0 && at <= history_.size()) {
        if (server.state->hash() != history_[static_cast<std::size_t>(at - 1)].hash)
            violate("the state of a checkpoint is not that of its entry");
    }
    note("server " + std::to_string(server.id) + " starts at " + std::to_string(server.applied));
    Actions actions;
    took(i, server.driver->start(now_ms_, start, actions), "start");
    if (!server.driver) return;
    start = {};
    carry_out(i, actions);
}

void Cluster::close(Server& server) {
    if (server.opened && server.opened->promises) server.promise = server.opened->promises->now();
    server.frozen_until_ms = 0;
    server.sockets.clear();
    server.driver.reset();
    server.opened.reset();
    if (server.state) server.state->crash();
    server.writes.clear();
    server.queue.clear();
    server.pending_checkpoint.reset();
    server.install.reset();
    server.apply_due_ms = server.checkpoint_due_ms = server.disk_free_ms = server.hold_after = 0;
    if (server.disk) {
        server.disk->lose_power();
        stats_.lost_writes += std::exchange(server.disk->lost_writes, 0);
        stats_.torn_writes += std::exchange(server.disk->torn_writes, 0);
    }
    forget_flights(server);
}

// Some of the writes in the queue have reached the disk's cache, and none is synced.
void Cluster::crash(std::size_t i) {
    Server& server = servers_[i];
    if (!server.driver && !server.install) return;
    ++stats_.crashes;
    note("server " + std::to_string(server.id) + " crashes");
    if (server.driver && !server.disk->is_off()) {
        for (std::uint64_t n = random(0, server.writes.size()); n > 0; --n) {
            if (random(0, 3) == 0) server.disk->cut_at(random(1, 4));
            if (auto done = write(server, random(0, 2) == 0); !done) {
                if (!disk_failed(server)) violate("log: " + done.error().describe());
                break;
            }
        }
    }
    close(server);
}

void Cluster::crash_at_work(std::size_t i) {
    if (is_up_and_free(i)) servers_[i].disk->cut_at(random(1, 12));
}

void Cluster::replace(std::size_t i) {
    crash(i);
    ++stats_.replaced;
    note("server " + std::to_string(servers_[i].id) + " is lost");
    new_machine(i);
    // It gets a state first, as a node that joins does, or nothing but the log.
    if (random(0, 1) == 0) servers_[i].install = Install{now_ms_ + random(1, 60), 1, std::nullopt};
    restart(i);
}

void Cluster::back_up(std::size_t i) {
    Server& server = servers_[i];
    if (server.driver || server.install || server.new_machine) return;
    server.backup = server.disk->image();
    server.backup_memory = server.stored_memory;
    server.backup_promise = server.promise;
    server.state->back_up();
    ++stats_.backups;
    note("server " + std::to_string(server.id) + " is backed up");
}

bool Cluster::put_back(std::size_t i) {
    crash(i);
    end_starving(i);
    Server& server = servers_[i];
    ++stats_.put_back;
    note("server " + std::to_string(server.id) + " gets its backup back");
    server.disk->put_back(*server.backup, server.folder + "/marker");
    server.state->put_back();
    server.stored_memory = server.backup_memory;
    restart(i);
    if (server.forgot) ++stats_.put_back_noticed;
    return server.forgot;
}

bool Cluster::take_over(std::size_t i) {
    Server& server = servers_[i];
    const bool knows = is_up_and_free(i) && servers_[i].starves_until_ms == 0 &&
                       std::min(driver(i).last_stored(), driver(i).commit_index()) >= history_.size() &&
                       driver(i).configuration().find(server.id) != nullptr;
    if (!knows) return false;
    for (std::size_t k = 0; k < servers_.size(); ++k)
        if (k != i) replace(k);
    crash(i);
    // Cut short it is called again.
    for (bool dies = random(0, 3) == 0; violation_.empty(); dies = false) {
        const auto done = take_over_alone(server, dies);
        const bool was_cut = server.disk->is_off();
        close(server);
        if (done) break;
        if (!was_cut) violate("take over: " + done.error().describe());
        ++stats_.take_overs_cut;
    }
    ++stats_.take_overs;
    leader_of_term_.clear();  // those that are gone may have led in terms that nobody heard of
    restart(i);
    return true;
}

Result<void> Cluster::take_over_alone(Server& server, bool dies) {
    KONTOR_CHECK(server.state->open());
    if (dies) server.disk->cut_at(random(1, 8));
    KONTOR_TRY(const Position at,
               take_over_folder(replica_options(server), server.state->checkpoint().meta, *server.disk));
    note("server " + std::to_string(server.id) + " takes over at " + std::to_string(at.index));
    return {};
}

// Deaf at once, as if crashed, but the disk may finish what it has.
void Cluster::begin_install(std::size_t i, std::uint64_t needed) {
    Server& server = servers_[i];
    note("server " + std::to_string(server.id) + " needs the state of entry " + std::to_string(needed));
    if (random(0, 1) == 1) {
        while (!server.writes.empty()) {
            if (auto done = write(server, true); !done) {
                took(i, done, "log");
                return;
            }
        }
    }
    server.driver.reset();
    ++server.epoch;
    server.writes.clear();
    server.queue.clear();
    server.pending_checkpoint.reset();
    server.apply_due_ms = server.checkpoint_due_ms = 0;
    forget_flights(server);
    server.install = Install{now_ms_ + random(1, 60), needed, std::nullopt};
}

// One step of the copy; at its end the node starts again with it.
void Cluster::work_on_install(std::size_t i) {
    Server& server = servers_[i];
    Install& install = *server.install;
    install.due_ms = now_ms_ + (calm_ || random(0, 9) != 0 ? random(1, 20) : random(20, 1'500));
    const auto serves = [&](std::size_t k) {
        return k != i && is_up_and_free(k) && !network_.is_cut(k, i) && !network_.is_cut(i, k) &&
               servers_[k].state->checkpoint().index >= install.needed;
    };
    if (!install.source || !serves(*install.source)) {
        std::vector<std::size_t> sources;
        for (std::size_t k = 0; k < servers_.size(); ++k)
            if (serves(k)) sources.push_back(k);
        if (sources.empty()) {
            if (random(0, 9) == 0) {
                close(server);
                restart(i);
            }
            return;
        }
        install.source = sources[static_cast<std::size_t>(random(0, sources.size() - 1))];
        if (random(0, 1) == 0) {
            Server& source = servers_[*install.source];
            source.hold_after = source.state->checkpoint().index;
            ++stats_.holds;
        }
    }
    const auto copied = server.state->copy_step(*servers_[*install.source].state);
    if (!copied) return violate("copying a state: " + copied.error().describe());
    if (!*copied) return;
    if (random(0, 1) == 0) servers_[*install.source].hold_after = 0;
    if (auto taken = take_copy(server); !taken) {
        if (disk_failed(server) || taken.error().code == ErrorCode::io) {
            ++stats_.installs_cut;
            close(server);
            if (calm_) restart(i);
        } else {
            violate("taking a copied state: " + taken.error().describe());
        }
        return;
    }
    ++stats_.installs;
    close(server);
    restart(i);
}

// The log is told before the state changes place, so that a crash in between leaves the old or the new one.
Result<void> Cluster::take_copy(Server& server) {
    server.opened.reset();
    server.state->crash();
    const bool die_in_log = !calm_ && random(0, 5) == 0;
    const bool die_in_swap = !calm_ && !die_in_log && random(0, 5) == 0;
    KONTOR_TRY(const CheckpointInfo copy, server.state->copied());
    if (options_.fault == Fault::swaps_before_mark) {
        KONTOR_CHECK(server.state->take_copy(false));
        if (random(0, 1) == 0) return fail(ErrorCode::io, "power cut");
    }
    if (server.new_machine) return server.state->take_copy(die_in_swap);  // the log is made when it starts
    if (die_in_log) server.disk->cut_at(random(1, 8));
    KONTOR_CHECK(install_folder(replica_options(server), copy.meta, std::nullopt, *server.disk));
    if (disk_failed(server)) return fail(ErrorCode::io, "power cut");
    if (options_.fault == Fault::swaps_before_mark) return {};
    return server.state->take_copy(die_in_swap);
}

}  // namespace kontor::sim

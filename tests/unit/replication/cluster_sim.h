#pragma once
// A seeded cluster of drivers with simulated time, disks and links: the real engine, no threads, no files.
// A disk keeps writes in order and loses on a crash what was not complete; links are those of sim_network.h.
// Every message passes the wire format. A server is a place for a machine: replace() puts a new one there,
// with a new id and nothing on its disk. The cluster holds every commit against one history.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "driver.h"
#include "install.h"
#include "support/sim_network.h"
#include "wire.h"

namespace kontor::replication::test {

inline std::string address_of(std::uint64_t id) {
    return "node" + std::to_string(id);
}

struct SimOptions {
    std::size_t servers = 5;
    std::size_t voters = 5;  // the others are stand-bys in the first configuration
    std::uint64_t seed = 1;
    std::uint64_t disk_ms_per_write_min = 1, disk_ms_per_write_max = 15;
    std::uint64_t disk_us_per_entry = 0;
    std::uint64_t latency_ms_min = 1, latency_ms_max = 10;
    double drop = 0.0;
    bool vary_timing = false;        // every start has another election time-out, some have a slow disk
    bool release_committed = false;  // what is committed is read from the disk when a peer needs it
    std::size_t max_append_bytes = 1U << 20U;
    std::uint64_t min_voters = 2;
    unsigned max_inflight_entries = 32;
    bool count_temptations = true;
    bool lying_disk = false;  // says "durable" at once: the history check must notice
    GuardOptions guards;
};

struct SimStats {
    std::uint64_t commits = 0, elections = 0, crashes = 0, truncations = 0;
    // A leader was elected whose log holds entries of older terms that are not known to be committed.
    std::uint64_t elected_with_older_entries = 0;
    // Entries of older terms stood on a majority of disks while the leader had not committed one of its own
    // term: committing them by counting would have been the mistake.
    std::uint64_t temptations = 0;
    std::uint64_t changes = 0, transfers = 0, checkpoints = 0, installs = 0, installs_kept_log = 0,
                  replaced = 0, sole_voter_starts = 0;
    void add(const SimStats& other);
};

class ClusterSim {
 public:
    explicit ClusterSim(SimOptions options);

    void run_until(std::uint64_t time_ms);
    void crash(std::size_t i);
    void restart(std::size_t i);
    void cut(std::size_t a, std::size_t b) {
        network_.cut(a, b);
        network_.cut(b, a);
    }
    void cut_one_way(std::size_t from, std::size_t to) { network_.cut(from, to); }
    void heal() { network_.heal(); }
    void partition(const std::vector<int>& group) { network_.partition(group); }

    [[nodiscard]] std::uint64_t now() const { return now_ms_; }
    [[nodiscard]] bool up(std::size_t i) const { return servers_[i].driver != nullptr; }
    [[nodiscard]] const Driver& driver(std::size_t i) const { return *servers_[i].driver; }
    [[nodiscard]] std::optional<std::size_t> leader() const;  // of the highest term
    [[nodiscard]] std::uint64_t committed() const { return history_.size(); }
    [[nodiscard]] std::size_t unpersisted(std::size_t i) const;
    [[nodiscard]] const SimStats& stats() const { return stats_; }
    // The first broken promise, with the seed; "" if none.
    [[nodiscard]] const std::string& violation() const { return violation_; }
    [[nodiscard]] std::uint64_t random(std::uint64_t from, std::uint64_t to) {
        return std::uniform_int_distribution<std::uint64_t>(from, to)(rng_);
    }
    bool submit(std::size_t i, const std::string& payload);
    SubmitStatus change(std::size_t i, const Configuration& wanted);
    SubmitStatus transfer(std::size_t i, std::uint64_t target);
    void checkpoint(std::size_t i, std::uint64_t trailing);
    // The machine is gone for ever; an empty one with a new id takes its place.
    void replace(std::size_t i);
    void calm() { calm_ = true; }  // from now on no drops and no slow disks

    [[nodiscard]] std::uint64_t id_of(std::size_t i) const { return servers_[i].id; }
    [[nodiscard]] std::optional<std::size_t> place_of(std::uint64_t id) const;
    [[nodiscard]] bool is_gone(std::uint64_t id) const { return !place_of(id).has_value(); }
    [[nodiscard]] bool installing(std::size_t i) const { return servers_[i].install.has_value(); }
    // What is on disk or in memory; nullptr: neither.
    [[nodiscard]] const Entry* find(std::size_t i, std::uint64_t index) const;
    [[nodiscard]] std::string describe() const;
    void violate(const std::string& what);
    void deliver_raw(std::size_t to, const Message& message);  // out of the blue

 private:
    struct Install {
        SnapshotNeeded needed;
        std::uint64_t due_ms = 0;
    };
    struct Write {
        AppendAction append;
        std::uint64_t due_us;
    };
    struct Server {
        std::unique_ptr<Driver> driver;
        unsigned epoch = 0;
        HardState hard{1, 0};
        std::uint64_t id = 0;
        std::uint64_t first = 1;
        std::vector<Entry> disk;  // entry first + i
        std::optional<SnapshotMeta> snapshot;
        std::optional<Install> install;
        bool slow_disk = false;
        std::deque<Write> writes;
        std::uint64_t disk_free_us = 0;
        std::uint64_t commit_seen = 0;
        std::uint64_t last_timeout_ms = 0;
    };
    using Network = kontor_test::SimNetwork<std::string>;  // frames

    void carry_out(std::size_t i, Actions& actions);
    void send(std::size_t from, Message message);
    void lose_writes(Server& server);
    void begin_install(std::size_t i, const SnapshotNeeded& needed);
    void finish_install(std::size_t i);
    bool take_over(Server& server, const SnapshotMeta& meta);
    SnapshotMeta meta_at(std::uint64_t index) const;
    void deliver(const Network::Flight& flight);
    void disk_done(std::size_t i);
    void write_to_disk(Server& server, const AppendAction& append, std::size_t n);
    void observe_commit(std::size_t i);
    void observe_leader(std::size_t i);
    void look_for_temptation(std::size_t i);
    void check(const Result<void>& result, const char* what);
    std::uint64_t next_event(int& kind, std::size_t& who) const;

    const SimOptions options_;
    std::mt19937_64 rng_;
    std::uint64_t now_ms_ = 0, next_id_ = 0;
    bool calm_ = false;
    std::vector<Server> servers_;
    Network network_;
    std::vector<Entry> history_;  // what the first server to say so committed at index i + 1
    std::map<std::uint64_t, std::size_t> leader_of_term_;
    SimStats stats_;
    std::string violation_;
};

}  // namespace kontor::replication::test

#pragma once
// A cluster in one thread and simulated time: the real driver of the consensus engine, the real log, state
// file and install over a simulated disk (disk.h), the real state machine over a state that survives crashes
// as its last checkpoint (state.h). What the replica's and the node's threads do, events do here, in an order
// that the seed chooses. Every message passes the wire format; links are those of sim_network.h.
//
// What the reconcilers of the nodes say to each other is here, too: what each promised, the leader's machine
// time, and that it still leads. A frozen machine does nothing for a while; what was sent to it waits in its
// sockets, and it finds all of that when it wakes up. A machine without descriptors opens no file: it waits,
// or its process ends.
//
// A place is where a machine stands; replace() puts a new one there, with a new id and nothing on its disk.
//
// Checked at every step: applied logs are prefixes of each other, entry by entry; state hashes and results
// are equal at equal indexes on all servers, whatever they went through; debits equal credits in every
// ledger; one leader a term, terms and votes never go back, no folder is ever found damaged, and no node that
// is healthy is told that it forgot. What a node answers to a reader is never older than it may be.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "disk.h"
#include "driver.h"
#include "freshness.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "node_time.h"
#include "promise_memory.h"
#include "replica_impl.h"
#include "state.h"
#include "support/sim_network.h"
#include "wire.h"

namespace kontor::sim {

// Faults that the checks must notice.
enum class Fault {
    none,
    disk_lies,           // fdatasync returns and does nothing
    early_acknowledge,   // writes are reported durable when they are queued
    loses_posting,       // after a restart one account is not written once
    applies_twice,       // after a restart the first entry is applied once more
    swaps_before_mark,   // a copied state takes its place before the log knows of it
    forgets_checkpoint,  // the log is cut by what a checkpoint stands for that is not complete
    outruns_log,         // a checkpoint of what the own log has not on disk yet
    no_marker,           // a folder that is put back from a backup is not noticed
    no_memory,           // nor by those who know better, when the marker went back with it
    trusts_role,         // a leader answers reads, however long ago a majority confirmed it
    counts_unopened,     // what needs a descriptor and finds none counts as written
    reads_wall_clock,    // deadlines are read by the wall clock
};

struct Options {
    std::uint64_t seed = 1;
    std::size_t places = 5;
    bool with_store = false;
    double drop = 0.0;
    unsigned max_inflight_entries = 32;
    std::size_t max_append_bytes = 1U << 20U;
    std::uint64_t segment_bytes = 16U << 10U;
    std::string folder;  // made and removed
    Fault fault = Fault::none;
    bool freezes_leaders = false;  // far more often than a storm does
};

struct Stats {
    std::uint64_t commits = 0, applied = 0, elections = 0, crashes = 0, power_cuts_at_work = 0, changes = 0,
                  transfers = 0, checkpoints = 0, installs = 0, installs_cut = 0, replaced = 0,
                  lost_writes = 0, torn_writes = 0, deaths_in_checkpoint = 0, holds = 0, take_overs = 0,
                  take_overs_cut = 0, backups = 0, put_back = 0, put_back_noticed = 0, put_back_told = 0,
                  clocks_set = 0, freezes = 0, frozen_leaders = 0, reads = 0, reads_refused = 0,
                  shortages = 0, shortages_fatal = 0;
    void add(const Stats& other);
};

inline constexpr std::int64_t kStartMs = 1'800'000'000'000;

class Cluster {
 public:
    using Answer = std::function<void(std::uint64_t index, const machine::Effects*)>;

    explicit Cluster(Options options);
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    void run_until(std::uint64_t time_ms);
    void crash(std::size_t i);
    void crash_at_work(std::size_t i);  // at one of its next disk operations
    void restart(std::size_t i);
    void replace(std::size_t i);
    // Of a machine that does not run: a copy of its folder. Later it is put back in place, the marker outside
    // of the folder stays, and the machine starts: true when it notices that it forgot something (it is down,
    // then, and joins as a new one), false when it had promised nothing since.
    void back_up(std::size_t i);
    [[nodiscard]] bool has_backup(std::size_t i) const { return servers_[i].backup.has_value(); }
    bool put_back(std::size_t i);
    // The same with its marker, as when a whole machine is put back: the others notice, as soon as they hear
    // of it. Only where each of them knows better: is_remembered().
    bool put_back_machine(std::size_t i);
    [[nodiscard]] bool is_remembered(std::size_t i) const;
    // It gets no time for so long.
    void freeze(std::size_t i, std::uint64_t ms);
    void thaw(std::size_t i);
    [[nodiscard]] bool is_frozen(std::size_t i) const { return servers_[i].frozen_until_ms != 0; }
    // No file can be opened there for so long: who needs one waits, or has waited long enough and ends.
    void starve(std::size_t i, std::uint64_t ms, bool waits);
    void end_starving(std::size_t i);
    // Somebody asks this node for what it knows.
    void read(std::size_t i);
    // All others are lost for good, and this one goes on alone, though cut short at first. False: nothing was
    // done, since it does not know everything that was acknowledged.
    bool take_over(std::size_t i);
    void cut(std::size_t from, std::size_t to) { network_.cut(from, to); }
    void partition(const std::vector<int>& group) { network_.partition(group); }
    void heal() { network_.heal(); }
    void calm() { calm_ = true; }  // from now on nothing is dropped and no disk is slow
    void checkpoint(std::size_t i);
    void move_clock(std::size_t i);  // a step, or it begins to drift
    void set_clock_right(std::size_t i) { servers_[i].clock->set(0, 0); }

    // The leader takes it and will answer once: with what applying it gave, or nullptr: nobody knows.
    // False: it does not lead, or does not know yet all that was acknowledged before.
    bool propose(std::size_t i, const pb::Batch& batch, Answer answer);
    replication::SubmitStatus change(std::size_t i, const replication::Configuration& wanted);
    replication::SubmitStatus transfer(std::size_t i, std::uint64_t target);

    [[nodiscard]] std::uint64_t now() const { return now_ms_; }
    [[nodiscard]] std::int64_t wall_ms(std::size_t i) const { return servers_[i].clock->wall_ms(); }
    // As the node has them: what its workers go by, and what its next entry says.
    [[nodiscard]] std::int64_t machine_now_ms(std::size_t i) const { return servers_[i].machine_time->now(); }
    [[nodiscard]] std::int64_t worker_now_ms(std::size_t i) const {
        return options_.fault == Fault::reads_wall_clock ? wall_ms(i) : machine_now_ms(i);
    }
    [[nodiscard]] std::int64_t machine_to_propose_ms(std::size_t i) const {
        servers_[i].machine_time->begin();
        return machine_now_ms(i);
    }
    [[nodiscard]] std::size_t places() const { return servers_.size(); }
    [[nodiscard]] bool up(std::size_t i) const { return servers_[i].driver != nullptr; }
    [[nodiscard]] const replication::Driver& driver(std::size_t i) const { return *servers_[i].driver; }
    [[nodiscard]] const State& state(std::size_t i) const { return *servers_[i].state; }
    [[nodiscard]] std::optional<std::size_t> leader() const;  // of the highest term
    [[nodiscard]] bool caught_up(std::size_t i) const;        // leads, and knows all that was acknowledged
    [[nodiscard]] std::uint64_t applied(std::size_t i) const { return servers_[i].applied; }
    [[nodiscard]] std::uint64_t id_of(std::size_t i) const { return servers_[i].id; }
    [[nodiscard]] std::optional<std::size_t> place_of(std::uint64_t id) const;
    [[nodiscard]] bool is_gone(std::uint64_t id) const { return !place_of(id).has_value(); }
    [[nodiscard]] const Stats& stats() const { return stats_; }
    [[nodiscard]] std::uint64_t random(std::uint64_t from, std::uint64_t to) {
        return std::uniform_int_distribution<std::uint64_t>(from, to)(rng_);
    }
    [[nodiscard]] std::mt19937_64& rng() { return rng_; }

    void violate(const std::string& what);
    [[nodiscard]] const std::string& violation() const { return violation_; }  // the first; "" if none
    [[nodiscard]] std::string describe() const;
    // The whole state of every server that is up: sums, the ledger's own proof, and row for row what the
    // whole log makes of a fresh one.
    void check_whole_states();
    // A leader that could not know the machine time asked its wall clock, and that was far ahead: what is
    // kept for a day was forgotten then, by right. How often.
    [[nodiscard]] unsigned jumps() const { return jumps_; }
    // The last index that a server applied.
    [[nodiscard]] std::uint64_t known_index() const { return history_.size(); }

 private:
    // Runs a little too fast or too slow, and its wall clock shows anything.
    struct PlaceClock final : Clock {
        PlaceClock(const std::uint64_t& now, std::int64_t drift) : now_ms(now), drift_ppm(drift) {}
        [[nodiscard]] std::int64_t wall_ms() const override {
            const std::int64_t since = static_cast<std::int64_t>(monotonic_ms()) - set_at_ms;
            return kStartMs + static_cast<std::int64_t>(monotonic_ms()) + ahead_ms +
                   since * wall_drift_ppm / 1'000'000;
        }
        [[nodiscard]] std::uint64_t monotonic_ms() const override {
            const auto now = static_cast<std::int64_t>(now_ms);
            return static_cast<std::uint64_t>(now + now * drift_ppm / 1'000'000);
        }
        void set(std::int64_t ahead, std::int64_t drift) {
            set_at_ms = static_cast<std::int64_t>(monotonic_ms());
            ahead_ms = ahead;
            wall_drift_ppm = drift;
        }
        const std::uint64_t& now_ms;
        const std::int64_t drift_ppm;
        std::int64_t ahead_ms = 0, wall_drift_ppm = 0, set_at_ms = 0;
    };
    // What reconcilers say. The first frame on a link has the sender's promise with it.
    struct Word {
        enum class Kind { none, promise, forgot, asks, tells } kind = Kind::none;
        replication::Promise promise;
        std::uint64_t asked_ms = 0, commit_index = 0;
        std::int64_t machine_ms = 0;
    };
    struct Cargo {
        std::string frame;
        Word word;
    };
    using Network = kontor_test::SimNetwork<Cargo>;
    struct Flight {
        std::uint64_t term = 0;
        Answer answer;
    };
    struct Write {
        replication::AppendAction append;
        std::uint64_t due_ms = 0;
    };
    struct Install {
        std::uint64_t due_ms = 0, needed = 0;
        std::optional<std::size_t> source;
    };
    struct Queued {
        std::uint64_t index = 0;
        replication::Entry entry;
    };
    struct Server {
        std::uint64_t id = 0;
        unsigned epoch = 0, machine = 0;
        std::string folder;
        std::unique_ptr<Disk> disk;
        std::unique_ptr<State> state;
        std::optional<replication::OpenedFolder> opened;
        std::unique_ptr<replication::Driver> driver;
        replication::HardState hard;  // the newest that was promised
        std::deque<Write> writes;
        std::deque<Queued> queue;  // committed, to be applied
        std::uint64_t published = 0, applied = 0;
        std::uint64_t hold_after = 0;  // entries that a copy will need
        std::uint64_t apply_due_ms = 0, disk_free_ms = 0, checkpoint_due_ms = 0, last_timeout_ms = 0;
        replication::SnapshotMeta at_applied, at_command, frozen;
        std::optional<replication::SnapshotMeta> pending_checkpoint;
        std::optional<Install> install;
        std::map<std::uint64_t, Flight> flights;
        std::unique_ptr<PlaceClock> clock;
        std::unique_ptr<node::MachineTime> machine_time;  // of this run of the process
        std::optional<Disk::Image> backup;
        cluster::PromiseMemory memory, stored_memory, backup_memory;  // of the others; as its file has it
        std::map<std::size_t, unsigned> heard;                        // whose promise, of which run
        replication::Promise promise, told_promise, backup_promise;   // the newest; what the others were told
        std::unique_ptr<replication::Freshness> fresh;
        std::uint64_t proven_term = 0, election_ms = 0, reconcile_due_ms = 0, lap_due_ms = 0, looks = 0;
        std::uint64_t frozen_ms = 0, frozen_until_ms = 0;
        std::deque<Network::Flight> sockets;  // of a frozen one
        std::uint64_t starves_until_ms = 0;
        bool starving_waits = false, was_put_back = false;
        bool forgot = false;  // it noticed, and does not start
        bool slow_disk = false, fault_due = false, new_machine = true;
    };
    struct Known {
        std::uint64_t term = 0;
        replication::EntryType type{};
        replication::Payload payload;
        std::string hash;     // of the state after it
        std::size_t results;  // hash of the answers
    };

    // cluster.cc
    [[nodiscard]] std::uint64_t next_event(int& kind, std::size_t& who) const;
    void carry_out(std::size_t i, replication::Actions& actions);
    static void forget_flights(Server& server);
    void send(std::size_t from, replication::Message message);
    void transmit(std::size_t from, std::size_t to, std::string frame, Word word);
    void receive(std::size_t i, std::size_t from, const std::string& frame);
    [[nodiscard]] bool read_entries(Server& server, replication::Message& message);
    void deliver(Network::Flight flight);
    void timeout(std::size_t i);
    void disk_done(std::size_t i);
    [[nodiscard]] Result<void> write(Server& server, bool sync);
    void took(std::size_t i, const Result<void>& result, const char* what);
    [[nodiscard]] std::uint64_t next_event_of(std::size_t i, int& kind) const;
    void handle(int kind, std::size_t i);
    // cluster_faults.cc
    void wake(std::size_t i);
    void reconciler(std::size_t i);
    void say(std::size_t from, std::size_t to, Word word) { transmit(from, to, {}, std::move(word)); }
    void hear(std::size_t i, std::size_t from, const Word& word);
    void hear_promise(std::size_t i, std::size_t from, const replication::Promise& promise);
    [[nodiscard]] bool may_hear_log(std::size_t i, std::size_t from) const;
    [[nodiscard]] std::string run_of(std::size_t i) const;
    [[nodiscard]] bool leads_now(std::size_t i) const;  // as node::Node::leads()
    [[nodiscard]] bool knows_now(std::size_t i) const;  // as the router: may it answer reads?
    void look(std::size_t i);                           // a lap of the log's loop begins, and ends
    void note_contact(std::size_t i, const replication::Message& message);
    void end_lap(std::size_t i);
    [[nodiscard]] bool is_up_and_free(std::size_t i) const { return up(i) && !is_frozen(i); }
    [[nodiscard]] bool disk_failed(const Server& server) const {
        return server.disk->is_off() || server.disk->was_refused();
    }
    // cluster_apply.cc
    void publish(std::size_t i);
    void apply_some(std::size_t i);
    void apply_one(std::size_t i, std::uint64_t index, const replication::Entry& entry);
    void check_entry(std::size_t i, std::uint64_t index, const replication::Entry& entry,
                     const machine::Effects* effects);
    void observe_time(std::uint64_t index, std::int64_t machine_ms);
    void finish_checkpoint(std::size_t i);
    void take_pending_checkpoint(std::size_t i);
    void observe_leader(std::size_t i);
    void observe_hard_state(std::size_t i, const replication::HardState& hard);
    // cluster_life.cc
    void new_machine(std::size_t i);
    [[nodiscard]] replication::ReplicaOptions replica_options(const Server& server) const;
    [[nodiscard]] Result<void> open(Server& server);
    void close(Server& server);
    void begin_install(std::size_t i, std::uint64_t needed);
    void work_on_install(std::size_t i);
    [[nodiscard]] Result<void> take_copy(Server& server);
    [[nodiscard]] Result<void> take_over_alone(Server& server, bool dies);

    const Options options_;
    std::mt19937_64 rng_;
    std::uint64_t now_ms_ = 0, next_id_ = 0;
    bool calm_ = false;
    replication::ClusterId cluster_{};
    std::vector<Server> servers_;
    Network network_;
    std::vector<Known> history_;  // what the first server to get there applied at index i + 1
    std::vector<std::pair<std::uint64_t, std::uint64_t>> acknowledged_;  // when, and up to which entry
    std::int64_t last_machine_ms_ = 0;
    unsigned jumps_ = 0;
    std::map<std::uint64_t, std::uint64_t> leader_of_term_, vote_of_;
    Stats stats_;
    std::string violation_;
    std::deque<std::string> trace_;
    void note(std::string what);
};

}  // namespace kontor::sim

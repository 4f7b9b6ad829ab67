// Time, network and disks.

#include "cluster.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "kontor/log.pb.h"
#include "log.h"

namespace kontor::sim {

using namespace replication;  // NOLINT: this file drives it

namespace {

enum Kind {
    kNothing,
    kNetwork,
    kDisk,
    kTimeout,
    kApply,
    kCheckpoint,
    kInstall,
    kReconciler,
    kLap,
    kWake,
    kRelief
};
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kTraceLines = 60;
constexpr std::size_t kMostInSockets = 2'000;
constexpr std::uint64_t kDeadAfterMs =
    4'000;  // as peer::PeerLimits: then the others dial anew, and nothing waits

}  // namespace

Cluster::Cluster(Options options)
    : options_(std::move(options)),
      rng_(options_.seed),
      servers_(options_.places),
      network_(options_.places) {
    std::filesystem::remove_all(options_.folder);
    for (std::size_t i = 0; i < options_.places; ++i) {
        new_machine(i);
        restart(i);  // the first one makes the cluster
    }
}

Cluster::~Cluster() {
    for (Server& server : servers_) {
        server.flights.clear();  // their clients are gone already
        close(server);
    }
    servers_.clear();
    std::error_code ignored;
    std::filesystem::remove_all(options_.folder, ignored);
}

void Cluster::violate(const std::string& what) {
    if (violation_.empty()) {
        violation_ = what + " (at " + std::to_string(now_ms_) +
                     " ms, KONTOR_SEED=" + std::to_string(options_.seed) + ")";
    }
}

void Cluster::note(std::string what) {
    trace_.push_back(std::to_string(now_ms_) + " ms: " + std::move(what));
    if (trace_.size() > kTraceLines) trace_.pop_front();
}

void Cluster::move_clock(std::size_t i) {
    constexpr std::int64_t kSecond = 1'000, kDay = 86'400 * kSecond;
    constexpr std::int64_t kSteps[] = {kSecond, 8 * kSecond, 3'600 * kSecond, 40 * kDay, 0};
    constexpr std::int64_t kWorstDriftPpm = 50'000;
    const std::int64_t step = kSteps[random(0, std::size(kSteps) - 1)];
    const std::int64_t drift =
        random(0, 3) == 0 ? static_cast<std::int64_t>(random(0, 2 * kWorstDriftPpm)) - kWorstDriftPpm : 0;
    servers_[i].clock->set(random(0, 1) == 0 ? step : -step, drift);
    ++stats_.clocks_set;
}

std::optional<std::size_t> Cluster::place_of(std::uint64_t id) const {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (servers_[i].id == id) return i;
    }
    return std::nullopt;
}

std::optional<std::size_t> Cluster::leader() const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (!is_up_and_free(i) || driver(i).role() != Role::leader) continue;
        if (!best || driver(i).term() > driver(*best).term()) best = i;
    }
    return best;
}

bool Cluster::caught_up(std::size_t i) const {
    return is_up_and_free(i) && driver(i).role() == Role::leader &&
           servers_[i].applied >= driver(i).elected_at();
}

bool Cluster::propose(std::size_t i, const pb::Batch& batch, Answer answer) {
    if (!caught_up(i) || driver(i).transferee() != 0) return false;
    Actions actions;
    auto done = servers_[i].driver->submit(
        now_ms_,
        {Entry{0, EntryType::command, std::make_shared<const std::string>(batch.SerializeAsString())}},
        actions);
    if (!done) {
        violate("propose: " + done.error().describe());
        return false;
    }
    const bool accepted = done->status == SubmitStatus::accepted;
    if (accepted) {
        Flight& flight = servers_[i].flights[done->first_index];
        if (flight.answer) flight.answer(0, nullptr);  // proposed in an earlier leadership, and replaced
        flight = {done->term, std::move(answer)};
    }
    carry_out(i, actions);
    return accepted;
}

// Nobody will tell what became of them.
void Cluster::forget_flights(Server& server) {
    for (auto& [index, flight] : std::exchange(server.flights, {})) flight.answer(0, nullptr);
}

SubmitStatus Cluster::change(std::size_t i, const Configuration& wanted) {
    if (!is_up_and_free(i)) return SubmitStatus::not_leader;
    Actions actions;
    auto done = servers_[i].driver->submit_change(now_ms_, wanted, actions);
    if (!done) {
        violate("change: " + done.error().describe());
        return SubmitStatus::refused;
    }
    if (done->status == SubmitStatus::accepted) {
        ++stats_.changes;
        note("server " + std::to_string(id_of(i)) + " changes the configuration");
    }
    carry_out(i, actions);
    return done->status;
}

SubmitStatus Cluster::transfer(std::size_t i, std::uint64_t target) {
    if (!is_up_and_free(i)) return SubmitStatus::not_leader;
    Actions actions;
    auto done = servers_[i].driver->transfer(now_ms_, target, actions);
    if (!done) {
        violate("transfer: " + done.error().describe());
        return SubmitStatus::refused;
    }
    stats_.transfers += *done == SubmitStatus::accepted;
    carry_out(i, actions);
    return *done;
}

// A failed disk operation is a power cut, a process that waited for a descriptor for long enough, or a bug.
void Cluster::took(std::size_t i, const Result<void>& result, const char* what) {
    if (result) return;
    if (disk_failed(servers_[i])) {
        const bool is_cut = servers_[i].disk->is_off();
        ++(is_cut ? stats_.power_cuts_at_work : stats_.shortages_fatal);
        crash(i);
        // Cut in the storm, and noticed only now: who slept when peace began is started again like the
        // others.
        if (calm_ && is_cut) restart(i);
    } else {
        violate("server " + std::to_string(id_of(i)) + ", " + what + ": " + result.error().describe());
    }
}

// In the order that Actions says.
void Cluster::carry_out(std::size_t i, Actions& actions) {
    Server& server = servers_[i];
    if (actions.hard_state) {
        observe_hard_state(i, *actions.hard_state);
        if (auto stored = server.opened->state->store(*actions.hard_state); !stored) {
            took(i, stored, "state file");
            return;
        }
        server.opened->promises->voted(server.opened->state->sequence(), actions.hard_state->term);
        server.hard = *actions.hard_state;
    }
    std::optional<std::uint64_t> early;
    for (AppendAction& append : actions.appends) {
        const std::uint64_t cost = server.slow_disk ? random(20, 250) : random(1, 15);
        server.disk_free_ms = std::max(server.disk_free_ms, now_ms_) + cost;
        early = append.ticket;
        server.writes.push_back({std::move(append), server.disk_free_ms});
    }
    if (actions.dropped != nullptr) violate(std::string("a message was refused: ") + actions.dropped);
    for (Message& message : actions.messages) send(i, std::move(message));
    if (actions.role_changed && server.driver->role() == Role::leader) observe_leader(i);
    if (actions.role_changed && server.driver->role() != Role::leader) forget_flights(server);
    if (actions.commit_advanced) publish(i);
    if (actions.snapshot_needed) {
        begin_install(i, actions.snapshot_needed->at.index);
        return;
    }
    if (options_.fault == Fault::early_acknowledge && early) {
        Actions more;
        took(i, server.driver->persisted(now_ms_, *early, more), "persisted");
        if (server.driver) carry_out(i, more);
    }
}

// As the replica's sender does.
bool Cluster::read_entries(Server& server, Message& message) {
    const std::uint64_t last = message.header.log_index + message.header.n_entries;
    const std::vector<Entry> attached = std::exchange(message.entries, {});
    const std::uint64_t attached_from = last + 1 - attached.size();
    std::optional<LogReader> reader;
    for (std::uint64_t index = message.header.log_index + 1; index <= last; ++index) {
        const Entry* known =
            index >= attached_from ? &attached[static_cast<std::size_t>(index - attached_from)] : nullptr;
        if (known != nullptr && known->payload != nullptr) {
            message.entries.push_back(*known);
            reader.reset();
            continue;
        }
        if (!reader) reader.emplace(*server.opened->log, index);
        const auto record = reader->next();
        if (!record) {
            if (index >= server.opened->log->first_index())
                violate("an entry to send is not on disk: " + record.error().describe());
            return false;  // a checkpoint went by; the engine finds out by itself
        }
        if (known != nullptr && known->term != record->header.term) {
            violate("an entry to send differs from the one on disk");
            return false;
        }
        message.entries.push_back(
            {record->header.term, record->header.type, std::make_shared<const std::string>(record->payload)});
    }
    message.entries_on_disk = false;
    return true;
}

void Cluster::send(std::size_t from, Message message) {
    const auto to = place_of(message.header.peer);
    if (!to) return;
    if (message.entries_on_disk && !read_entries(servers_[from], message)) return;
    for (const Message& part : split_append(std::move(message), options_.max_append_bytes))
        transmit(from, *to, encode_message(part, cluster_), {});
}

void Cluster::transmit(std::size_t from, std::size_t to, std::string frame, Word word) {
    const kontor_test::Weather weather{1, 10, options_.drop, true, calm_};
    const auto at = network_.draw(rng_, now_ms_, from, to, weather);
    if (!at) return;
    const auto heard = servers_[to].heard.find(from);
    if (word.kind == Word::Kind::none &&
        (heard == servers_[to].heard.end() || heard->second != servers_[from].epoch)) {
        word.kind = Word::Kind::promise;
        word.promise = servers_[from].opened->promises->now();
    }
    network_.send(
        {*at, 0, from, to, servers_[from].epoch, servers_[to].epoch, {std::move(frame), std::move(word)}});
}

void Cluster::deliver(Network::Flight flight) {
    const std::size_t to = flight.to, from = flight.from;
    Server& server = servers_[to];
    if (!server.driver || !network_.arrives(flight, servers_[from].epoch, server.epoch)) return;
    if (is_frozen(to)) {
        if (now_ms_ < server.frozen_ms + kDeadAfterMs && server.sockets.size() < kMostInSockets)
            server.sockets.push_back(std::move(flight));
        return;
    }
    look(to);
    const auto& [frame, word] = flight.cargo;
    if (word.kind != Word::Kind::none) hear(to, from, word);
    if (server.driver && !frame.empty() && may_hear_log(to, from)) receive(to, from, frame);
    end_lap(to);
}

void Cluster::receive(std::size_t i, std::size_t from, const std::string& frame) {
    Server& server = servers_[i];
    const auto message = decode_message(frame, servers_[from].id, cluster_);
    if (!message) {
        violate(message.error().describe());
        return;
    }
    Actions actions;
    took(i, server.driver->receive(now_ms_, *message, actions), "receive");
    if (!server.driver) return;
    if (actions.dropped == nullptr) note_contact(i, *message);
    carry_out(i, actions);
}

void Cluster::timeout(std::size_t i) {
    Server& server = servers_[i];
    server.last_timeout_ms = now_ms_;
    Actions actions;
    took(i, server.driver->timeout(now_ms_, actions), "timeout");
    if (server.driver) carry_out(i, actions);
}

Result<void> Cluster::write(Server& server, bool sync) {
    const AppendAction append = std::move(server.writes.front().append);
    server.writes.pop_front();
    KONTOR_CHECK(server.opened->log->append(append.first_index, append.entries));
    return sync ? server.opened->log->sync() : Result<void>{};
}

// All that is due is written, and synced once.
void Cluster::disk_done(std::size_t i) {
    Server& server = servers_[i];
    std::uint64_t ticket = 0;
    bool more = true;
    while (more) {
        ticket = server.writes.front().append.ticket;
        more = server.writes.size() > 1 && (server.writes[1].due_ms <= now_ms_ || random(0, 3) == 0);
        if (auto done = write(server, !more); !done) {
            took(i, done, "log");
            return;
        }
    }
    if (options_.fault == Fault::early_acknowledge) return;
    Actions actions;
    took(i, server.driver->persisted(now_ms_, ticket, actions), "persisted");
    if (!server.driver) return;
    carry_out(i, actions);
    if (!server.driver) return;
    publish(i);  // more may be read from disk now
    take_pending_checkpoint(i);
}

// What a machine does next; a frozen one does nothing but wake up.
std::uint64_t Cluster::next_event_of(std::size_t i, int& kind) const {
    const Server& server = servers_[i];
    std::uint64_t at = kNever;
    const auto earlier = [&](std::uint64_t time, Kind candidate) {
        if (time >= at) return;
        at = time;
        kind = candidate;
    };
    if (server.starves_until_ms != 0) earlier(server.starves_until_ms, kRelief);
    if (is_frozen(i)) {
        earlier(server.frozen_until_ms, kWake);
        return at;
    }
    // Who waits for a descriptor waits with all that it has to write.
    const std::uint64_t files_from_ms = server.starving_waits ? server.starves_until_ms : 0;
    if (server.install) earlier(std::max(server.install->due_ms, files_from_ms), kInstall);
    if (!server.driver) return at;
    if (!server.writes.empty()) earlier(std::max(server.writes.front().due_ms, files_from_ms), kDisk);
    if (server.apply_due_ms != 0) earlier(server.apply_due_ms, kApply);
    if (server.checkpoint_due_ms != 0)
        earlier(std::max(server.checkpoint_due_ms, files_from_ms), kCheckpoint);
    earlier(server.reconcile_due_ms, kReconciler);
    earlier(server.lap_due_ms, kLap);
    earlier(std::max(server.driver->next_timeout_ms(), server.last_timeout_ms + 1), kTimeout);
    return at;
}

std::uint64_t Cluster::next_event(int& kind, std::size_t& who) const {
    std::uint64_t at = network_.empty() ? kNever : network_.next_ms();
    kind = network_.empty() ? kNothing : kNetwork;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        int what = kNothing;
        const std::uint64_t due = next_event_of(i, what);
        if (due >= at) continue;
        at = due;
        kind = what;
        who = i;
    }
    return at;
}

void Cluster::handle(int kind, std::size_t i) {
    if (kind == kWake) return wake(i);
    if (kind == kRelief) return end_starving(i);
    if (kind == kInstall) return work_on_install(i);
    look(i);
    if (kind == kDisk) {
        disk_done(i);
    } else if (kind == kApply) {
        apply_some(i);
    } else if (kind == kCheckpoint) {
        finish_checkpoint(i);
    } else if (kind == kReconciler) {
        reconciler(i);
    } else if (kind == kTimeout) {
        timeout(i);
    }
    end_lap(i);
}

void Cluster::run_until(std::uint64_t time_ms) {
    while (violation_.empty()) {
        int kind = kNothing;
        std::size_t who = 0;
        const std::uint64_t at = next_event(kind, who);
        if (kind == kNothing || at > time_ms) break;
        now_ms_ = std::max(now_ms_, at);
        if (kind == kNetwork) {
            deliver(network_.take());
        } else {
            handle(kind, who);
        }
    }
    now_ms_ = std::max(now_ms_, time_ms);
}

}  // namespace kontor::sim

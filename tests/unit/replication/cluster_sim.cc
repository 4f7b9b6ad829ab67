#include "cluster_sim.h"

#include <algorithm>
#include <limits>

namespace kontor::replication::test {

namespace {

enum Kind { kNothing, kNetwork, kDisk, kTimeout };

bool same(const Entry& a, const Entry& b) {
    return a.term == b.term && a.type == b.type && *a.payload == *b.payload;
}

std::string address_of(std::size_t i) {
    return "node" + std::to_string(i + 1);
}

}  // namespace

ClusterSim::ClusterSim(SimOptions options)
    : options_(options),
      rng_(options.seed),
      servers_(options.servers),
      last_delivery_(options.servers, std::vector<std::uint64_t>(options.servers, 0)),
      blocked_(options.servers, std::vector<bool>(options.servers, false)) {
    Configuration configuration;
    for (std::size_t i = 0; i < options_.servers; ++i) {
        configuration.servers.push_back(
            {i + 1, address_of(i), i < options_.voters ? ServerRole::voter : ServerRole::standby});
    }
    const Entry first{1, EntryType::change,
                      std::make_shared<const std::string>(*encode_configuration(configuration))};
    for (Server& server : servers_) server.disk.push_back(first);
    history_.push_back(first);
    for (std::size_t i = 0; i < options_.servers; ++i) restart(i);
}

void ClusterSim::violate(const std::string& what) {
    if (violation_.empty()) {
        violation_ = what + " (at " + std::to_string(now_ms_) +
                     " ms, KONTOR_SEED=" + std::to_string(options_.seed) + ")";
    }
}

void ClusterSim::check(const Result<void>& result, const char* what) {
    if (!result) violate(std::string(what) + ": " + result.error().describe());
}

void ClusterSim::restart(std::size_t i) {
    Server& server = servers_[i];
    if (server.driver) return;
    ++server.epoch;
    DriverOptions options;
    options.node_id = i + 1;
    options.address = address_of(i);
    options.seed = static_cast<unsigned>(rng_());
    options.election_timeout_ms = 300;
    options.heartbeat_ms = 50;
    options.max_inflight_entries = options_.max_inflight_entries;
    options.guards = options_.guards;
    server.driver = *Driver::create(options);
    server.commit_seen = 0;
    server.last_timeout_ms = now_ms_;
    StartState state;
    state.hard = server.hard;
    state.entries = server.disk;
    if (const auto raised = server.driver->before_start(state)) server.hard = state.hard = *raised;
    Actions actions;
    check(server.driver->start(now_ms_, state, actions), "start");
    carry_out(i, actions);
}

// Some of the writes in the queue were complete, the next one in part.
void ClusterSim::crash(std::size_t i) {
    Server& server = servers_[i];
    if (!server.driver) return;
    ++stats_.crashes;
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
    server.driver.reset();
}

void ClusterSim::write_to_disk(Server& server, const AppendAction& append, std::size_t n) {
    if (append.first_index - 1 > server.disk.size()) {
        violate("a write leaves a gap in the log");
        return;
    }
    server.disk.resize(static_cast<std::size_t>(append.first_index - 1));
    server.disk.insert(server.disk.end(), append.entries.begin(),
                       append.entries.begin() + static_cast<std::ptrdiff_t>(n));
}

void ClusterSim::heal() {
    for (auto& row : blocked_) row.assign(row.size(), false);
}

void ClusterSim::partition(const std::vector<int>& group) {
    for (std::size_t a = 0; a < group.size(); ++a) {
        for (std::size_t b = 0; b < group.size(); ++b) {
            blocked_[a][b] = a != b && (group[a] != group[b] || group[a] < 0);
        }
    }
}

std::optional<std::size_t> ClusterSim::leader() const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (!up(i) || driver(i).role() != Role::leader) continue;
        if (!best || driver(i).term() > driver(*best).term()) best = i;
    }
    return best;
}

std::size_t ClusterSim::unpersisted(std::size_t i) const {
    std::size_t n = 0;
    for (const Write& write : servers_[i].writes) n += write.append.entries.size();
    return n;
}

bool ClusterSim::submit(std::size_t i, const std::string& payload) {
    Actions actions;
    auto done = servers_[i].driver->submit(
        now_ms_, {Entry{0, EntryType::command, std::make_shared<const std::string>(payload)}}, actions);
    if (!done) {
        violate("submit: " + done.error().describe());
        return false;
    }
    carry_out(i, actions);
    return done->status == SubmitStatus::accepted;
}

SubmitStatus ClusterSim::change(std::size_t i, const Configuration& wanted) {
    Actions actions;
    auto done = servers_[i].driver->submit_change(now_ms_, wanted, actions);
    if (!done) {
        violate("change: " + done.error().describe());
        return SubmitStatus::refused;
    }
    carry_out(i, actions);
    return done->status;
}

void ClusterSim::carry_out(std::size_t i, Actions& actions) {
    Server& server = servers_[i];
    if (actions.hard_state) {
        if (actions.hard_state->term < server.hard.term) violate("the term went back");
        if (actions.hard_state->term == server.hard.term && server.hard.vote != 0 &&
            actions.hard_state->vote != server.hard.vote) {
            violate("a second vote in one term");
        }
        server.hard = *actions.hard_state;
    }
    std::optional<std::uint64_t> lied;
    for (AppendAction& append : actions.appends) {
        if (append.first_index <= server.disk.size()) ++stats_.truncations;
        const std::uint64_t start = std::max(server.disk_free_us, now_ms_ * 1000);
        const std::uint64_t cost =
            random(options_.disk_ms_per_write_min, options_.disk_ms_per_write_max) * 1000 +
            options_.disk_us_per_entry * append.entries.size();
        server.disk_free_us = start + cost;
        lied = append.ticket;
        server.writes.push_back({std::move(append), server.disk_free_us});
    }
    for (Message& message : actions.messages) send(i, std::move(message));
    if (actions.role_changed && server.driver->role() == Role::leader) observe_leader(i);
    if (actions.commit_advanced) observe_commit(i);
    look_for_temptation(i);
    if (options_.lying_disk && lied) {
        Actions more;
        check(server.driver->persisted(now_ms_, *lied, more), "persisted");
        carry_out(i, more);
    }
}

void ClusterSim::send(std::size_t from, Message message) {
    const auto to = static_cast<std::size_t>(message.header.peer - 1);
    message.header.peer = from + 1;
    message.peer_address = address_of(from);
    if (message.entries_on_disk) violate("entries to send are not in memory");
    const bool dropped = std::uniform_real_distribution<double>(0, 1)(rng_) < options_.drop;
    std::uint64_t at = now_ms_ + random(options_.latency_ms_min, options_.latency_ms_max);
    at = std::max(at, last_delivery_[from][to]);
    last_delivery_[from][to] = at;
    if (dropped) return;
    network_.push({at, ++sequence_, from, to, servers_[from].epoch, servers_[to].epoch, std::move(message)});
}

void ClusterSim::deliver(Flight flight) {
    Server& server = servers_[flight.to];
    if (!server.driver || blocked_[flight.from][flight.to]) return;
    if (flight.from_epoch != servers_[flight.from].epoch || flight.to_epoch != server.epoch) return;
    Actions actions;
    check(server.driver->receive(now_ms_, flight.message, actions), "receive");
    carry_out(flight.to, actions);
}

void ClusterSim::disk_done(std::size_t i) {
    Server& server = servers_[i];
    const Write write = std::move(server.writes.front());
    server.writes.pop_front();
    write_to_disk(server, write.append, write.append.entries.size());
    if (options_.lying_disk) return;
    Actions actions;
    check(server.driver->persisted(now_ms_, write.append.ticket, actions), "persisted");
    carry_out(i, actions);
}

void ClusterSim::observe_commit(std::size_t i) {
    Server& server = servers_[i];
    const std::uint64_t commit = server.driver->commit_index();
    for (std::uint64_t index = server.commit_seen + 1; index <= commit; ++index) {
        const Entry* entry = server.driver->entry(index);
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
    const Entry* newest = server.driver->entry(commit);
    if (server.driver->role() == Role::leader && server.driver->configuration().voters() > 1 &&
        newest != nullptr && commit > 1 && newest->term != server.driver->term()) {
        violate("a leader committed entries of older terms without one of its own");
    }
}

void ClusterSim::observe_leader(std::size_t i) {
    ++stats_.elections;
    const Driver& driver = *servers_[i].driver;
    const auto [known, fresh] = leader_of_term_.emplace(driver.term(), i);
    if (!fresh && known->second != i) violate("two leaders in term " + std::to_string(driver.term()));
    for (std::size_t k = 0; k < history_.size(); ++k) {
        const Entry* entry = driver.entry(k + 1);
        if (entry == nullptr || !same(*entry, history_[k])) {
            violate("a leader lacks committed entry " + std::to_string(k + 1));
            return;
        }
    }
    for (std::uint64_t index = driver.commit_index() + 1; index <= driver.last_index(); ++index) {
        if (driver.entry(index)->term < driver.term()) {
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
        const Entry& entry = *driver.entry(index);
        std::size_t copies = 0;
        for (const Server& other : servers_) {
            copies +=
                other.disk.size() >= index && same(other.disk[static_cast<std::size_t>(index - 1)], entry);
        }
        if (2 * copies <= options_.voters) continue;
        stats_.temptations += entry.term < driver.term();
        return;
    }
}

std::uint64_t ClusterSim::next_event(int& kind, std::size_t& who) const {
    std::uint64_t at = std::numeric_limits<std::uint64_t>::max();
    kind = kNothing;
    if (!network_.empty()) {
        at = network_.top().at_ms;
        kind = kNetwork;
    }
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const Server& server = servers_[i];
        if (!server.driver) continue;
        if (!server.writes.empty() && (server.writes.front().due_us + 999) / 1000 < at) {
            at = (server.writes.front().due_us + 999) / 1000;
            kind = kDisk;
            who = i;
        }
        const std::uint64_t timeout = std::max(server.driver->next_timeout_ms(), server.last_timeout_ms + 1);
        if (timeout < at) {
            at = timeout;
            kind = kTimeout;
            who = i;
        }
    }
    return at;
}

void ClusterSim::run_until(std::uint64_t time_ms) {
    while (violation_.empty()) {
        int kind = kNothing;
        std::size_t who = 0;
        const std::uint64_t at = next_event(kind, who);
        if (kind == kNothing || at > time_ms) break;
        now_ms_ = std::max(now_ms_, at);
        if (kind == kNetwork) {
            Flight flight = network_.top();
            network_.pop();
            deliver(std::move(flight));
        } else if (kind == kDisk) {
            disk_done(who);
        } else {
            servers_[who].last_timeout_ms = now_ms_;
            Actions actions;
            check(servers_[who].driver->timeout(now_ms_, actions), "timeout");
            carry_out(who, actions);
        }
    }
    now_ms_ = std::max(now_ms_, time_ms);
}

}  // namespace kontor::replication::test

#include "cluster_sim.h"

#include <algorithm>
#include <limits>

namespace kontor::replication::test {

namespace {

enum Kind { kNothing, kNetwork, kDisk, kTimeout, kInstall };

constexpr ClusterId kCluster{'s', 'i', 'm'};

}  // namespace

ClusterSim::ClusterSim(SimOptions options)
    : options_(options), rng_(options.seed), servers_(options.servers), network_(options.servers) {
    Configuration configuration;
    for (std::size_t i = 0; i < options_.servers; ++i) {
        configuration.servers.push_back(
            {i + 1, address_of(i + 1), i < options_.voters ? ServerRole::voter : ServerRole::standby});
    }
    const Entry first{1, EntryType::change,
                      std::make_shared<const std::string>(*encode_configuration(configuration))};
    for (Server& server : servers_) {
        server.id = ++next_id_;
        server.disk.push_back(first);
    }
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

std::optional<std::size_t> ClusterSim::place_of(std::uint64_t id) const {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (servers_[i].id == id) return i;
    }
    return std::nullopt;
}

const Entry* ClusterSim::find(std::size_t i, std::uint64_t index) const {
    const Server& server = servers_[i];
    const Entry* entry = server.driver ? server.driver->entry(index) : nullptr;
    if (entry != nullptr && entry->payload != nullptr) return entry;
    if (index < server.first || index >= server.first + server.disk.size()) return nullptr;
    return &server.disk[static_cast<std::size_t>(index - server.first)];
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
    stats_.changes += done->status == SubmitStatus::accepted;
    carry_out(i, actions);
    return done->status;
}

SubmitStatus ClusterSim::transfer(std::size_t i, std::uint64_t target) {
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
        if (append.first_index < server.first + server.disk.size()) ++stats_.truncations;
        const std::uint64_t start = std::max(server.disk_free_us, now_ms_ * 1000);
        const std::uint64_t cost =
            (server.slow_disk ? random(20, 250)
                              : random(options_.disk_ms_per_write_min, options_.disk_ms_per_write_max)) *
                1000 +
            options_.disk_us_per_entry * append.entries.size();
        server.disk_free_us = start + cost;
        lied = append.ticket;
        server.writes.push_back({std::move(append), server.disk_free_us});
    }
    if (actions.dropped != nullptr) violate(std::string("a message was refused: ") + actions.dropped);
    for (Message& message : actions.messages) send(i, std::move(message));
    if (actions.role_changed && server.driver->role() == Role::leader) observe_leader(i);
    if (actions.commit_advanced) observe_commit(i);
    if (actions.snapshot_needed) {
        begin_install(i, *actions.snapshot_needed);
        return;
    }
    look_for_temptation(i);
    if (options_.lying_disk && lied) {
        Actions more;
        check(server.driver->persisted(now_ms_, *lied, more), "persisted");
        carry_out(i, more);
    }
}

void ClusterSim::send(std::size_t from, Message message) {
    const auto place = place_of(message.header.peer);
    if (!place) return;
    const std::size_t to = *place;
    if (message.entries_on_disk) {
        message.entries.clear();  // find() looks into memory, too
        for (std::uint64_t k = 1; k <= message.header.n_entries; ++k) {
            const Entry* entry = find(from, message.header.log_index + k);
            if (entry == nullptr) {
                violate("an entry to send is neither in memory nor on disk");
                return;
            }
            message.entries.push_back(*entry);
        }
        message.entries_on_disk = false;
    }
    for (const Message& part : split_append(std::move(message), options_.max_append_bytes)) {
        const kontor_test::Weather weather{options_.latency_ms_min, options_.latency_ms_max, options_.drop,
                                           options_.vary_timing, calm_};
        const auto at = network_.draw(rng_, now_ms_, from, to, weather);
        if (!at) continue;
        network_.send(
            {*at, 0, from, to, servers_[from].epoch, servers_[to].epoch, encode_message(part, kCluster)});
    }
}

void ClusterSim::deliver_raw(std::size_t to, const Message& message) {
    if (!servers_[to].driver) return;
    Actions actions;
    check(servers_[to].driver->receive(now_ms_, message, actions), "receive");
    carry_out(to, actions);
}

void ClusterSim::deliver(const Network::Flight& flight) {
    Server& server = servers_[flight.to];
    if (!server.driver || !network_.arrives(flight, servers_[flight.from].epoch, server.epoch)) return;
    const auto message = decode_message(flight.cargo, servers_[flight.from].id, kCluster);
    if (!message) {
        violate(message.error().describe());
        return;
    }
    deliver_raw(flight.to, *message);
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

std::uint64_t ClusterSim::next_event(int& kind, std::size_t& who) const {
    std::uint64_t at = std::numeric_limits<std::uint64_t>::max();
    kind = kNothing;
    if (!network_.empty()) {
        at = network_.next_ms();
        kind = kNetwork;
    }
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const Server& server = servers_[i];
        if (server.install && server.install->due_ms < at) {
            at = server.install->due_ms;
            kind = kInstall;
            who = i;
        }
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
            deliver(network_.take());
        } else if (kind == kDisk) {
            disk_done(who);
        } else if (kind == kInstall) {
            finish_install(who);
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

// What the apply thread does, and what is checked of it.

#include <algorithm>

#include "cluster.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "log.h"

namespace kontor::sim {

using namespace replication;  // NOLINT: this file drives it

void Stats::add(const Stats& other) {
    commits += other.commits;
    applied += other.applied;
    elections += other.elections;
    crashes += other.crashes;
    power_cuts_at_work += other.power_cuts_at_work;
    changes += other.changes;
    transfers += other.transfers;
    checkpoints += other.checkpoints;
    installs += other.installs;
    installs_cut += other.installs_cut;
    holds += other.holds;
    take_overs += other.take_overs;
    take_overs_cut += other.take_overs_cut;
    backups += other.backups;
    put_back += other.put_back;
    put_back_noticed += other.put_back_noticed;
    put_back_told += other.put_back_told;
    clocks_set += other.clocks_set;
    freezes += other.freezes;
    frozen_leaders += other.frozen_leaders;
    reads += other.reads;
    reads_refused += other.reads_refused;
    shortages += other.shortages;
    shortages_fatal += other.shortages_fatal;
    replaced += other.replaced;
    lost_writes += other.lost_writes;
    torn_writes += other.torn_writes;
    deaths_in_checkpoint += other.deaths_in_checkpoint;
}

std::string Cluster::describe() const {
    std::string out;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        const Server& server = servers_[i];
        out += "\n  place " + std::to_string(i) + " id " + std::to_string(server.id);
        if (server.driver) {
            const Driver& d = *server.driver;
            out += " role " + std::to_string(static_cast<int>(d.role())) + " term " +
                   std::to_string(d.term()) + " last " + std::to_string(d.last_index()) + " stored " +
                   std::to_string(d.last_stored()) + " commit " + std::to_string(d.commit_index()) +
                   " applied " + std::to_string(server.applied) + " checkpoint " +
                   std::to_string(d.snapshot_index()) + " members";
            for (const auto& member : d.configuration().servers)
                out += " " + std::to_string(member.id) + (member.role == ServerRole::voter ? "v" : "s");
        } else {
            out += server.install ? " installing" : server.forgot ? " forgot" : " down";
        }
    }
    for (const std::string& line : trace_) out += "\n  " + line;
    return out;
}

// Posted as they are, or read from the log later: memory lets them go.
void Cluster::publish(std::size_t i) {
    Server& server = servers_[i];
    const std::uint64_t commit = server.driver->commit_index();
    for (std::uint64_t index = server.published + 1; index <= commit; ++index) {
        const Entry* entry = server.driver->entry(index);
        if (entry != nullptr && entry->payload != nullptr && server.queue.size() < 20)
            server.queue.push_back({index, *entry});
    }
    server.published = std::max(server.published, commit);
    server.driver->release(std::min(commit, server.driver->last_stored()), random(0, 1) * 4'000);
    if (server.apply_due_ms == 0 && server.applied < commit)
        server.apply_due_ms = now_ms_ + (calm_ || random(0, 9) != 0 ? random(0, 2) : random(0, 200));
}

void Cluster::apply_some(std::size_t i) {
    Server& server = servers_[i];
    server.apply_due_ms = 0;
    for (int left = 16; left > 0 && server.applied < server.driver->commit_index(); --left) {
        const std::uint64_t index = server.applied + 1;
        while (!server.queue.empty() && server.queue.front().index < index) server.queue.pop_front();
        Entry entry;
        if (!server.queue.empty() && server.queue.front().index == index) {
            entry = server.queue.front().entry;
        } else if (index <= server.driver->last_stored()) {
            LogReader reader(*server.opened->log, index);
            const auto record = reader.next();
            if (!record) return violate("a committed entry cannot be read: " + record.error().describe());
            entry = {record->header.term, record->header.type,
                     std::make_shared<const std::string>(record->payload)};
        } else {
            return;  // when the disk has it
        }
        apply_one(i, index, entry);
        if (!server.driver || !violation_.empty()) return;
    }
    if (server.applied < server.driver->commit_index()) server.apply_due_ms = now_ms_ + 1;
}

void Cluster::apply_one(std::size_t i, std::uint64_t index, const Entry& entry) {
    Server& server = servers_[i];
    ++stats_.applied;
    server.at_applied.index = index;
    server.at_applied.term = entry.term;
    server.applied = index;
    if (entry.type == EntryType::change) {
        server.at_applied.configuration_index = index;
        server.at_applied.configuration = *entry.payload;
    }
    if (entry.type != EntryType::command) {
        check_entry(i, index, entry, nullptr);
        return;
    }
    pb::Batch batch;
    if (!batch.ParseFromString(*entry.payload)) return violate("an entry does not parse");
    const bool fault = std::exchange(server.fault_due, false);
    if (fault && options_.fault == Fault::loses_posting) server.state->watch().lose_a_posting = true;
    machine::Effects effects;
    server.state->apply(index, batch, effects);
    if (server.state->watch().lose_a_posting) server.fault_due = true;  // it had none: the next one
    server.state->watch().lose_a_posting = false;
    if (fault && options_.fault == Fault::applies_twice) server.state->apply(index, batch, effects);
    server.machine_time->at_least(effects.now.machine_ms);
    server.at_command = server.at_applied;
    check_entry(i, index, entry, &effects);
    // Only the client that was told this very position gets an acknowledgement.
    const auto flight = server.flights.find(index);
    if (flight == server.flights.end()) return;
    const Flight waiting = std::move(flight->second);
    server.flights.erase(flight);
    const bool is_known = waiting.term == entry.term;
    if (is_known && (acknowledged_.empty() || acknowledged_.back().second < index))
        acknowledged_.emplace_back(now_ms_, index);
    waiting.answer(index, is_known ? &effects : nullptr);
}

void Cluster::check_entry(std::size_t i, std::uint64_t index, const Entry& entry,
                          const machine::Effects* effects) {
    Server& server = servers_[i];
    const std::string who = "server " + std::to_string(server.id) + ", entry " + std::to_string(index) + ": ";
    std::string results;
    if (effects != nullptr) {
        for (const pb::Result& result : effects->results) results += result.SerializeAsString();
        for (const pb::Result& result : effects->resolved_results) results += result.SerializeAsString();
    }
    const Known known{entry.term, entry.type, entry.payload, server.state->hash(),
                      std::hash<std::string>()(results)};
    if (const std::string problem = server.state->unbalanced(); !problem.empty())
        violate(who + "debits are not credits: " + problem);
    if (index > history_.size() + 1) return violate(who + "applied before the one before it");
    if (index == history_.size() + 1) {
        if (effects != nullptr) observe_time(index, effects->now.machine_ms);
        history_.push_back(known);
        ++stats_.commits;
        return;
    }
    const Known& first = history_[static_cast<std::size_t>(index - 1)];
    if (first.term != known.term || first.type != known.type || *first.payload != *known.payload)
        return violate(who + "another server applied a different entry");
    if (first.hash != known.hash) return violate(who + "the state differs from the others'");
    if (first.results != known.results) return violate(who + "the answers differ from the others'");
}

void Cluster::observe_time(std::uint64_t index, std::int64_t machine_ms) {
    constexpr std::int64_t kJumpMs = 12LL * 3'600'000;
    if (machine_ms < last_machine_ms_) violate("machine time went back in entry " + std::to_string(index));
    if (last_machine_ms_ != 0 && machine_ms > last_machine_ms_ + kJumpMs) {
        ++jumps_;
        note("machine time jumps in entry " + std::to_string(index));
    }
    last_machine_ms_ = machine_ms;
}

void Cluster::checkpoint(std::size_t i) {
    Server& server = servers_[i];
    if (!is_up_and_free(i) || server.checkpoint_due_ms != 0 || server.pending_checkpoint) return;
    const CheckpointInfo last = server.state->checkpoint();
    if (server.at_command.index < last.index + 5) return;
    // The log must hold what the checkpoint will stand for. Not what the log says is durable: a truncation
    // may still be on its way to it.
    if (server.at_command.index > server.driver->last_stored() && options_.fault != Fault::outruns_log)
        return;
    server.frozen = server.at_command;
    server.state->freeze(encode_snapshot_meta(server.frozen));
    server.checkpoint_due_ms = now_ms_ + random(1, calm_ ? 20 : 150);
    if (options_.fault == Fault::forgets_checkpoint) {
        server.pending_checkpoint = server.frozen;
        take_pending_checkpoint(i);
    }
}

void Cluster::finish_checkpoint(std::size_t i) {
    Server& server = servers_[i];
    server.checkpoint_due_ms = 0;
    if (!server.state->finish()) {
        ++stats_.deaths_in_checkpoint;
        return crash(i);
    }
    ++stats_.checkpoints;
    server.pending_checkpoint = server.frozen;
    take_pending_checkpoint(i);
}

void Cluster::take_pending_checkpoint(std::size_t i) {
    Server& server = servers_[i];
    if (!server.pending_checkpoint || server.pending_checkpoint->index > server.driver->last_stored()) return;
    const SnapshotMeta meta = *std::exchange(server.pending_checkpoint, std::nullopt);
    const std::uint64_t held =
        server.hold_after != 0 && server.hold_after < meta.index ? meta.index - server.hold_after : 0;
    const std::uint64_t trailing = std::max(random(0, 15), held);
    Actions actions;
    const auto taken = server.driver->snapshot_taken(now_ms_, meta, trailing, actions);
    if (!taken) return violate("checkpoint: " + taken.error().describe());
    carry_out(i, actions);
    if (server.driver && *taken && meta.index > trailing)
        took(i, server.opened->log->drop_prefix(meta.index - trailing + 1), "drop prefix");
}

void Cluster::observe_hard_state(std::size_t i, const HardState& hard) {
    const Server& server = servers_[i];
    if (hard.term < server.hard.term) violate("the term went back");
    if (hard.term == server.hard.term && server.hard.vote != 0 && hard.vote != server.hard.vote)
        violate("a second vote in one term");
}

void Cluster::observe_leader(std::size_t i) {
    ++stats_.elections;
    const Driver& driver = *servers_[i].driver;
    note("server " + std::to_string(id_of(i)) + " leads in term " + std::to_string(driver.term()));
    const auto [known, fresh] = leader_of_term_.emplace(driver.term(), id_of(i));
    if (!fresh && known->second != id_of(i)) violate("two leaders in term " + std::to_string(driver.term()));
    // What anybody applied was committed: this leader has it.
    if (driver.last_index() < history_.size()) violate("a leader lacks entries that were applied");
}

void Cluster::check_whole_states() {
    const auto fresh = memory_state();
    if (!fresh->open()) return violate("no fresh state");
    for (std::size_t index = 1; index <= history_.size(); ++index) {
        const Known& known = history_[index - 1];
        if (known.type != EntryType::command) continue;
        pb::Batch batch;
        machine::Effects effects;
        if (!batch.ParseFromString(*known.payload)) return violate("an entry does not parse");
        fresh->apply(index, batch, effects);
    }
    const AllRows rows = fresh->all_rows();
    for (std::size_t i = 0; i < servers_.size(); ++i) {
        if (!up(i)) continue;
        const std::string who = "server " + std::to_string(id_of(i)) + ": ";
        if (const std::string problem = state(i).whole_check(); !problem.empty()) violate(who + problem);
        if (servers_[i].at_command.index == fresh->applied() && state(i).all_rows() != rows)
            violate(who + "its rows are not what the log makes of nothing");
    }
}

}  // namespace kontor::sim

#include "driver.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kontor::replication {

namespace {

constexpr std::size_t kMaxKeptEntries = 4096;  // for peers, beside the bound in bytes

kontor_raft_snapshot core_snapshot(const SnapshotMeta& meta) {
    return {meta.index, meta.term, meta.configuration_index, meta.configuration.data(),
            meta.configuration.size()};
}

Result<Configuration> latest_configuration(const StartState& state) {
    for (auto it = state.entries.rbegin(); it != state.entries.rend(); ++it) {
        if (it->type == EntryType::change) return decode_configuration(*it->payload);
    }
    if (state.snapshot) return decode_configuration(state.snapshot->configuration);
    return Configuration{};
}

}  // namespace

std::vector<kontor_raft_entry> core_entries(std::span<const Entry> entries) {
    std::vector<kontor_raft_entry> out(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        out[i].term = entries[i].term;
        out[i].type = static_cast<int>(entries[i].type);
        if (entries[i].payload == nullptr) continue;
        out[i].data = entries[i].payload->data();
        out[i].len = entries[i].payload->size();
    }
    return out;
}

Result<std::unique_ptr<Driver>> Driver::create(DriverOptions options) {
    std::unique_ptr<Driver> driver(new Driver(std::move(options)));
    const DriverOptions& o = driver->options_;
    kontor_raft_options core{};
    core.id = o.node_id;
    core.address = o.address.c_str();
    core.seed = o.seed;
    core.election_timeout_ms = o.election_timeout_ms;
    core.heartbeat_ms = o.heartbeat_ms;
    core.install_snapshot_timeout_ms = o.install_snapshot_timeout_ms;
    core.max_inflight_entries = o.max_inflight_entries;
    driver->core_.reset(kontor_raft_create(&core));
    if (!driver->core_)
        return fail(ErrorCode::internal, "consensus engine: out of memory, or not version 0.22.1");
    return driver;
}

Driver::~Driver() = default;

std::uint64_t Driver::advance(std::uint64_t now_ms) {
    now_ms_ = std::max(now_ms_, now_ms);  // never backwards
    return now_ms_;
}

std::optional<HardState> Driver::before_start(const StartState& state) const {
    const auto latest = latest_configuration(state);
    if (!latest) return std::nullopt;  // start() reports it
    return raise_term_before_start(state.hard, *latest, options_.node_id, options_.guards);
}

Result<void> Driver::start(std::uint64_t now_ms, const StartState& state, Actions& out) {
    if (state.snapshot) snapshot_ = *state.snapshot;
    KONTOR_ASSERT(state.start_index <= snapshot_.index + 1, "the log begins after the snapshot's end");
    KONTOR_ASSERT(state.entries.empty() || snapshot_.index != 0 || state.entries[0].type == EntryType::change,
                  "entry 1 is the first configuration");
    std::uint64_t index = state.start_index;
    memory_first_ = index;
    for (const Entry& entry : state.entries) {
        if (entry.type == EntryType::change) {
            KONTOR_TRY([[maybe_unused]] const auto checked, decode_configuration(*entry.payload));
            if (index > snapshot_.index) changes_[index] = entry.payload;
        }
        if (entry.payload != nullptr) {
            append_to_memory(index, entry);
        } else {
            memory_.clear();
            memory_first_ = index + 1;
        }
        ++index;
    }
    if (state.entries.empty() && state.snapshot) memory_first_ = index;
    configurations_fired_ = snapshot_.index;
    KONTOR_CHECK(refresh_configuration());

    const auto entries = core_entries(state.entries);
    const kontor_raft_snapshot snapshot = core_snapshot(snapshot_);
    kontor_raft_update update{};
    const int code = kontor_raft_start(core_.get(), advance(now_ms), state.hard.term, state.hard.vote,
                                       state.snapshot ? &snapshot : nullptr, state.start_index,
                                       entries.data(), entries.size(), &update);
    return absorb(code, update, {}, out);
}

Result<void> Driver::timeout(std::uint64_t now_ms, Actions& out) {
    if (finished_) return {};
    kontor_raft_update update{};
    return absorb(kontor_raft_timeout_event(core_.get(), advance(now_ms), &update), update, {}, out);
}

Result<void> Driver::persisted(std::uint64_t now_ms, std::uint64_t ticket, Actions& out) {
    if (finished_) return {};
    std::uint64_t report = 0;
    while (!pending_.empty() && pending_.front().ticket <= ticket) {
        report = std::max(report, pending_.front().last_index);
        pending_.pop_front();
    }
    if (report <= last_stored()) return {};  // clipped away: what was written is no longer in the log
    kontor_raft_update update{};
    KONTOR_CHECK(
        absorb(kontor_raft_persisted(core_.get(), advance(now_ms), report, &update), update, {}, out));
    send_held(out);
    return {};
}

Result<void> Driver::step_message(const Message& message, bool as_voter, Actions& out) {
    const auto entries = core_entries(message.entries);
    kontor_raft_update update{};
    const int code = kontor_raft_receive(core_.get(), now_ms_, &message.header, message.peer_address.c_str(),
                                         entries.data(), as_voter, &update);
    return absorb(code, update, message.entries, out);
}

Result<bool> Driver::snapshot_taken(std::uint64_t now_ms, const SnapshotMeta& meta, std::uint64_t trailing,
                                    Actions& out) {
    if (finished_ || meta.index <= snapshot_.index || meta.index > last_stored() ||
        meta.index > configurations_fired_)
        return false;
    const kontor_raft_snapshot snapshot = core_snapshot(meta);
    kontor_raft_update update{};
    const auto kept =
        static_cast<unsigned>(std::min<std::uint64_t>(trailing, std::numeric_limits<unsigned>::max()));
    KONTOR_CHECK(absorb(kontor_raft_snapshot_taken(core_.get(), advance(now_ms), &snapshot, kept, &update),
                        update, {}, out));
    snapshot_ = meta;
    changes_.erase(changes_.begin(), changes_.upper_bound(meta.index));
    return true;
}

Result<void> Driver::absorb(int code, const kontor_raft_update& update, std::span<const Entry> source,
                            Actions& out) {
    if (code != 0) {
        return fail(ErrorCode::internal,
                    "consensus engine: " + std::string(kontor_raft_error_text(core_.get(), code)) +
                        " (code " + std::to_string(code) + ")");
    }
    if (update.hard_state) out.hard_state = HardState{term(), kontor_raft_vote(core_.get())};
    if (update.state) {
        out.role_changed = true;
        own_term_index_ = 0;
        held_.clear();
        announced_.clear();
    }
    if (update.entries) {
        take_entries(update, source, out);
        KONTOR_CHECK(refresh_configuration());
    }
    if (update.state && role() == Role::leader) elected_at_ = last_index();
    take_messages(update, out);
    if (update.commit) {
        out.commit_advanced = true;
        KONTOR_CHECK(fire_configurations(out));
    }
    announce_commit(out);
    return {};
}

void Driver::take_entries(const kontor_raft_update& update, std::span<const Entry> source, Actions& out) {
    AppendAction append;
    append.ticket = next_ticket_++;
    append.first_index = update.entries_index;
    if (update.barrier) {
        append.entries.push_back(
            {update.barrier_term, EntryType::barrier, std::make_shared<const std::string>(8, '\0')});
    } else {
        const auto taken = source.subspan(update.entries_offset, update.n_entries);
        append.entries.assign(taken.begin(), taken.end());
    }
    const std::uint64_t first = append.first_index;
    clip_reports(pending_, first, options_.guards);
    changes_.erase(changes_.lower_bound(first), changes_.end());
    KONTOR_ASSERT(first <= memory_first_ + memory_.size(), "the engine left a gap in the log");
    cut_memory(first);
    std::uint64_t index = first;
    for (const Entry& entry : append.entries) {
        if (entry.type == EntryType::change) changes_[index] = entry.payload;
        append_to_memory(index++, entry);
    }
    if (role() == Role::leader && own_term_index_ == 0) own_term_index_ = first;
    pending_.push_back({append.ticket, index - 1});
    out.appends.push_back(std::move(append));
}

Result<void> Driver::fire_configurations(Actions& out) {
    const std::uint64_t commit = commit_index();
    while (configurations_fired_ < commit) {
        const auto change = changes_.upper_bound(configurations_fired_);
        if (change == changes_.end() || change->first > commit) {
            configurations_fired_ = commit;
            break;
        }
        configurations_fired_ = change->first;
        const Payload bytes = change->second;  // the step may change the map
        kontor_raft_update update{};
        const int code = kontor_raft_configuration(core_.get(), now_ms_, change->first, bytes->data(),
                                                   bytes->size(), &update);
        KONTOR_CHECK(absorb(code, update, {}, out));
    }
    return {};
}

Result<void> Driver::refresh_configuration() {
    if (!changes_.empty()) {
        KONTOR_TRY(configuration_, decode_configuration(*changes_.rbegin()->second));
    } else if (snapshot_.index != 0) {
        KONTOR_TRY(configuration_, decode_configuration(snapshot_.configuration));
    } else {
        configuration_ = {};
    }
    std::erase_if(heard_ms_,
                  [this](const auto& heard) { return configuration_.find(heard.first) == nullptr; });
    return {};
}

void Driver::append_to_memory(std::uint64_t index, const Entry& entry) {
    KONTOR_ASSERT(index == memory_first_ + memory_.size(), "entries in memory are contiguous");
    memory_.push_back(entry);
    if (entry.payload != nullptr) memory_bytes_ += entry.payload->size();
}

// Nothing from `first` on.
void Driver::cut_memory(std::uint64_t first) {
    while (!memory_.empty() && memory_first_ + memory_.size() > first) {
        if (memory_.back().payload != nullptr) memory_bytes_ -= memory_.back().payload->size();
        memory_.pop_back();
    }
    memory_first_ = std::min(memory_first_, first);
}

void Driver::release(std::uint64_t index, std::size_t keep_bytes) {
    while (!memory_.empty() && memory_first_ <= index &&
           (memory_bytes_ > keep_bytes || memory_.size() > kMaxKeptEntries || keep_bytes == 0)) {
        if (memory_.front().payload != nullptr) memory_bytes_ -= memory_.front().payload->size();
        memory_.pop_front();
        ++memory_first_;
    }
}

const Entry* Driver::entry(std::uint64_t index) const {
    if (index < memory_first_ || index >= memory_first_ + memory_.size()) return nullptr;
    return &memory_[static_cast<std::size_t>(index - memory_first_)];
}

Role Driver::role() const {
    if (finished_) return Role::follower;
    switch (kontor_raft_current_state(core_.get())) {
        case KONTOR_RAFT_FOLLOWER:
            return Role::follower;
        case KONTOR_RAFT_CANDIDATE:
            return Role::candidate;
        case KONTOR_RAFT_LEADER:
            return Role::leader;
        default:
            return Role::starting;
    }
}

std::uint64_t Driver::term() const {
    return kontor_raft_term(core_.get());
}
std::uint64_t Driver::leader_id() const {
    std::uint64_t id = 0;
    kontor_raft_leader(core_.get(), &id);
    return id;
}
std::uint64_t Driver::commit_index() const {
    return kontor_raft_commit_index(core_.get());
}
std::uint64_t Driver::last_index() const {
    return kontor_raft_last_index(core_.get());
}
std::uint64_t Driver::last_stored() const {
    return kontor_raft_last_stored(core_.get());
}
std::uint64_t Driver::configuration_index() const {
    return changes_.empty() ? snapshot_.configuration_index : changes_.rbegin()->first;
}
std::uint64_t Driver::committed_configuration_index() const {
    return kontor_raft_configuration_committed_index(core_.get());
}
std::uint64_t Driver::transferee() const {
    return role() == Role::leader ? kontor_raft_transferee(core_.get()) : 0;
}
std::uint64_t Driver::match_index(std::uint64_t id) const {
    std::uint64_t match = 0;
    return role() == Role::leader && kontor_raft_match_index(core_.get(), id, &match) ? match : 0;
}
std::uint64_t Driver::silent_ms(std::uint64_t id) const {
    const auto found = heard_ms_.find(id);
    return found == heard_ms_.end() ? kNeverMs : now_ms_ - found->second;
}
bool Driver::answers(std::uint64_t id) const {
    return silent_ms(id) < options_.election_timeout_ms;
}
std::optional<std::uint64_t> Driver::leader_seen_ms() const {
    return leader_seen_ms_;
}
std::uint64_t Driver::snapshot_index() const {
    return snapshot_.index;
}
std::uint64_t Driver::next_timeout_ms() const {
    return finished_ ? kNeverMs : kontor_raft_next_timeout_ms(core_.get());
}

}  // namespace kontor::replication

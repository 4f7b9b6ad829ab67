#pragma once
// The deterministic driver around the engine: events in, actions out. No I/O, no clock, no threads, no
// randomness but the given seed; so the same code runs in Replica and in a simulated cluster.
//
// The caller carries out Actions in this order: hard_state durable; appends (queue the writes, in order);
// send messages; hand out committed entries. When an append is durable it calls persisted() with its ticket.
// A batch of writes may be reported by its last ticket alone.
//
// Threading: one thread at a time.
// Ownership: entries share their payloads. Keeps in memory the entries above released() and every CHANGE
// above
//   the snapshot.
// Errors: an Error of any call is fatal: the caller stops. What a caller may meet in normal operation (not
//   leader) is a status.
// Limits: log entries in memory are the caller's to bound with release().

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configuration.h"
#include "entry.h"
#include "guards.h"
#include "kontor/base/result.h"
#include "kontor/replication/replica.h"
#include "raft_core.h"
#include "snapshot_meta.h"

namespace kontor::replication {

struct DriverOptions {
    std::uint64_t node_id = 1;
    std::string address = "local";
    unsigned seed = 0;
    unsigned election_timeout_ms = 1000, heartbeat_ms = 100, install_snapshot_timeout_ms = 30'000;
    unsigned max_inflight_entries = 32;  // per peer
    GuardOptions guards;
};

// What was found on disk.
struct StartState {
    HardState hard;
    std::optional<SnapshotMeta> snapshot;
    std::uint64_t start_index = 1;  // of entries.front(); at most snapshot index + 1
    std::vector<Entry> entries;     // payload of a command may be null (only on disk)
};

struct Message {
    kontor_raft_message header{};
    std::string peer_address;      // incoming: whom from
    std::vector<Entry> entries;    // of an append
    bool entries_on_disk = false;  // outgoing: released already; the caller fills `entries` from its log
};

struct AppendAction {
    std::uint64_t ticket = 0;
    std::uint64_t first_index = 0;  // what the log has from here on is replaced
    std::vector<Entry> entries;
};

struct Actions {
    std::optional<HardState> hard_state;
    std::vector<AppendAction> appends;
    std::vector<Message> messages;
    bool commit_advanced = false;  // see commit_index()
    bool role_changed = false;     // see role()
};

enum class SubmitStatus : std::uint8_t { accepted, not_leader, no_space, retry_later, refused };
struct Submitted {
    SubmitStatus status = SubmitStatus::accepted;
    std::uint64_t first_index = 0, term = 0;
};

class Driver {
 public:
    static Result<std::unique_ptr<Driver>> create(DriverOptions options);
    ~Driver();
    Driver(const Driver&) = delete;
    Driver& operator=(const Driver&) = delete;

    // Guard 2: the hard state to make durable before start(), which then gets it. Call it first, always.
    [[nodiscard]] std::optional<HardState> before_start(const StartState& state) const;
    Result<void> start(std::uint64_t now_ms, const StartState& state, Actions& out);

    Result<void> timeout(std::uint64_t now_ms, Actions& out);
    Result<void> persisted(std::uint64_t now_ms, std::uint64_t ticket, Actions& out);
    Result<void> receive(std::uint64_t now_ms, const Message& message, Actions& out);
    // Entries get the current term. At least one; commands and barriers only.
    Result<Submitted> submit(std::uint64_t now_ms, std::vector<Entry> entries, Actions& out);
    // retry_later: a guard wants something first (the driver has proposed the barrier itself, if that is it).
    // refused: never possible like this (the leader demotes itself, more than one server changes).
    Result<Submitted> submit_change(std::uint64_t now_ms, const Configuration& wanted, Actions& out);
    // The checkpoint is durable. False: not above the last one, or not yet possible (above what is stored).
    Result<bool> snapshot_taken(std::uint64_t now_ms, const SnapshotMeta& meta, std::uint64_t trailing,
                                Actions& out);

    // Entries up to `index` are needed in memory no more.
    void release(std::uint64_t index);
    // nullptr: not in memory.
    [[nodiscard]] const Entry* entry(std::uint64_t index) const;

    [[nodiscard]] Role role() const;
    [[nodiscard]] std::uint64_t term() const;
    [[nodiscard]] std::uint64_t leader_id() const;  // 0: not known
    [[nodiscard]] std::uint64_t commit_index() const;
    [[nodiscard]] std::uint64_t last_index() const;
    [[nodiscard]] std::uint64_t last_stored() const;
    [[nodiscard]] std::uint64_t snapshot_index() const;
    [[nodiscard]] std::uint64_t next_timeout_ms()
        const;  // when to call timeout(); at most once a millisecond
    [[nodiscard]] const Configuration& configuration() const { return configuration_; }  // newest in the log

 private:
    explicit Driver(DriverOptions options) : options_(std::move(options)) {}

    Result<void> absorb(int code, const kontor_raft_update& update, std::span<const Entry> source,
                        Actions& out);
    void take_entries(const kontor_raft_update& update, std::span<const Entry> source, Actions& out);
    void take_messages(const kontor_raft_update& update, Actions& out);
    Result<void> fire_configurations(Actions& out);
    Result<void> refresh_configuration();
    void append_to_memory(std::uint64_t index, const Entry& entry);
    std::uint64_t advance(std::uint64_t now_ms);

    struct CloseCore {
        void operator()(kontor_raft* core) const { kontor_raft_destroy(core); }
    };

    const DriverOptions options_;
    std::unique_ptr<kontor_raft, CloseCore> core_;
    std::uint64_t now_ms_ = 0;

    std::deque<Entry> memory_;  // entries [memory_first_, memory_first_ + size)
    std::uint64_t memory_first_ = 1;
    std::map<std::uint64_t, Payload> changes_;  // every CHANGE of the log above the snapshot
    SnapshotMeta snapshot_;                     // index 0: none
    Configuration configuration_;

    std::deque<PendingReport> pending_;
    std::uint64_t next_ticket_ = 1;
    std::uint64_t own_term_index_ = 0;        // leader: its first entry of its term
    std::uint64_t configurations_fired_ = 0;  // commit index up to which RAFT_CONFIGURATION was fired
};

}  // namespace kontor::replication

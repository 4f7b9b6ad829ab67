#pragma once
// The deterministic driver around the engine: events in, actions out. No I/O, no clock, no threads, no
// randomness but the given seed; so the same code runs in Replica and in a simulated cluster.
//
// The caller carries out Actions in this order: hard_state durable; appends (queue the writes, in order);
// send messages; hand out committed entries. When an append is durable it calls persisted() with its ticket.
// A batch of writes may be reported by its last ticket alone.
//
// A snapshot is never installed here: an install-snapshot message becomes Actions::snapshot_needed, and from
// then on the driver does nothing any more, as if crashed. The caller makes the folder ready for the new
// checkpoint and starts again from disk.
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
    unsigned election_timeout_ms = 1000, heartbeat_ms = 100, install_snapshot_timeout_ms = 3'000;
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

struct AppendAction {
    std::uint64_t ticket = 0;
    std::uint64_t first_index = 0;  // what the log has from here on is replaced
    std::vector<Entry> entries;
};

struct Actions {
    std::optional<HardState> hard_state;
    std::vector<AppendAction> appends;
    std::vector<Message> messages;
    bool commit_advanced = false;   // see commit_index()
    bool role_changed = false;      // see role()
    const char* dropped = nullptr;  // why a received message was not taken, when that is its fault
    std::optional<SnapshotNeeded> snapshot_needed;  // once; the last word of this driver
};

enum class SubmitStatus : std::uint8_t { accepted, not_leader, no_space, retry_later, refused };
struct Submitted {
    SubmitStatus status = SubmitStatus::accepted;
    std::uint64_t first_index = 0, term = 0;
};

// As the engine's door takes them: the payloads are not copied.
[[nodiscard]] std::vector<kontor_raft_entry> core_entries(std::span<const Entry> entries);

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
    // Servers count as alive that were heard since `asked_ms`, the time of the request; nullopt: within an
    // election time-out.
    Result<Submitted> submit_change(std::uint64_t now_ms, const Configuration& wanted, Actions& out,
                                    std::optional<std::uint64_t> asked_ms = std::nullopt);
    // Hands leadership over. retry_later: the target lacks entries, or a change or a transfer is on its way.
    // refused: not another voter. The engine gives up after an election time-out: transferee() is 0 again.
    Result<SubmitStatus> transfer(std::uint64_t now_ms, std::uint64_t target, Actions& out);
    // The checkpoint is durable. False: not above the last one, or not yet possible (above what is stored).
    Result<bool> snapshot_taken(std::uint64_t now_ms, const SnapshotMeta& meta, std::uint64_t trailing,
                                Actions& out);

    // Entries up to `index` are needed in memory no more; the newest `keep_bytes` of all stay, for peers.
    void release(std::uint64_t index, std::size_t keep_bytes = 0);
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
    [[nodiscard]] std::uint64_t configuration_index() const;                             // of it
    [[nodiscard]] std::uint64_t committed_configuration_index() const;
    [[nodiscard]] std::uint64_t transferee() const;                     // leader: 0: no transfer on its way
    [[nodiscard]] std::uint64_t match_index(std::uint64_t id) const;    // leader; 0: not known
    [[nodiscard]] std::uint64_t silent_ms(std::uint64_t id) const;      // kNeverMs: never heard
    [[nodiscard]] bool answers(std::uint64_t id) const;                 // heard within an election time-out
    [[nodiscard]] std::optional<std::uint64_t> leader_seen_ms() const;  // when the leader was last heard
    // Leader: its last entry when it was elected. Once that is applied, everything that was ever acknowledged
    // is.
    [[nodiscard]] std::uint64_t elected_at() const { return elected_at_; }
    [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }  // payloads of entries in memory

 private:
    explicit Driver(DriverOptions options) : options_(std::move(options)) {}

    Result<void> receive_append(Message message, Actions& out);
    void receive_install(const Message& message, Actions& out);
    Result<void> step_message(const Message& message, bool as_voter, Actions& out);
    void send_held(Actions& out);
    void announce_commit(Actions& out);
    void attach_entries(Message& message) const;
    [[nodiscard]] std::uint64_t unstored_change() const;
    Result<void> absorb(int code, const kontor_raft_update& update, std::span<const Entry> source,
                        Actions& out);
    void take_entries(const kontor_raft_update& update, std::span<const Entry> source, Actions& out);
    void take_messages(const kontor_raft_update& update, Actions& out);
    Result<void> fire_configurations(Actions& out);
    Result<void> refresh_configuration();
    void append_to_memory(std::uint64_t index, const Entry& entry);
    void cut_memory(std::uint64_t first);
    std::uint64_t advance(std::uint64_t now_ms);

    struct CloseCore {
        void operator()(kontor_raft* core) const { kontor_raft_destroy(core); }
    };

    const DriverOptions options_;
    std::unique_ptr<kontor_raft, CloseCore> core_;
    std::uint64_t now_ms_ = 0;

    std::deque<Entry> memory_;  // entries [memory_first_, memory_first_ + size)
    std::uint64_t memory_first_ = 1;
    std::size_t memory_bytes_ = 0;
    std::map<std::uint64_t, Payload> changes_;  // every CHANGE of the log above the snapshot
    SnapshotMeta snapshot_;                     // index 0: none
    Configuration configuration_;

    std::deque<PendingReport> pending_;
    std::uint64_t next_ticket_ = 1;
    std::uint64_t own_term_index_ = 0;  // leader: its first entry of its term
    std::uint64_t elected_at_ = 0;
    std::optional<std::uint64_t> leader_seen_ms_;
    std::uint64_t alive_since_ms_ = 0;                  // see submit_change()
    std::map<std::uint64_t, std::uint64_t> heard_ms_;   // members of the newest configuration
    bool finished_ = false;                             // a snapshot is needed
    std::map<std::uint64_t, std::uint64_t> announced_;  // leader: the commit index that each peer was told
    std::uint8_t append_version_ = 0;                   // of the engine's messages
    std::map<std::uint64_t, kontor_raft_message>
        held_;                                // leader: peers whose appends were cut before a CHANGE
    std::uint64_t configurations_fired_ = 0;  // commit index up to which RAFT_CONFIGURATION was fired
};

}  // namespace kontor::replication

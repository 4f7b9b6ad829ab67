#pragma once
// The rules around the engine that it does not keep itself, in one place. Each has a test that fails without
// it (tests/unit/replication/guards_test.cc), which is the only reason that they can be switched off. The
// numbers are those of the table in the driver's manual, modules/replication/README.md.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "configuration.h"
#include "entry.h"
#include "raft_core.h"
#include "snapshot_meta.h"

namespace kontor::replication {

// For tests only. Production code leaves everything on.
struct GuardOptions {
    bool clip_reports = true;            // 1
    bool bump_sole_voter_term = true;    // 2
    bool keep_leader_a_voter = true;     // 3
    bool own_term_before_change = true;  // 4
    bool split_at_change = true;         // 5
    bool anchor_at_snapshot = true;      // 6
    bool drop_stale = true;              // 7
    bool drop_late_rejects = true;       // 8
    bool vote_as_voter = true;           // 9
    bool show_own_term = true;           // 10
    bool hold_back_change = true;        // 11, outgoing
    bool match_before_change = true;     // 11, the leader's part
};

// A message between nodes, as the driver gets it and gives it.
struct Message {
    kontor_raft_message header{};
    std::string peer_address;    // incoming: whom from
    std::vector<Entry> entries;  // of an append
    // Outgoing: the caller reads from its log what was released already: all entries before those in
    // `entries` (the last ones of the append), and the payloads that are null there. An entry of another term
    // at such a place was written since: the message is void.
    bool entries_on_disk = false;
};

// What the engine takes for granted about a message and does not check, being built without assertions.
// nullptr: nothing is wrong with it. The peers are authenticated: this is against a broken one.
[[nodiscard]] const char* problem_of(const Message& message);

// Writes whose completion was not yet reported to the engine, in the order of the disk.
struct PendingReport {
    std::uint64_t ticket = 0;
    std::uint64_t last_index = 0;
};

// 1. Entries arrived at `index`: a write that is still on its way and reaches `index` or beyond was
// truncated. When it completes it may count only up to index - 1; otherwise what is not on disk would be
// acknowledged.
void clip_reports(std::deque<PendingReport>& pending, std::uint64_t index, const GuardOptions& guards);

// 2. A sole voter elects itself inside START. In its old term it could write another entry at an index and
// term that a stand-by already has from before the crash: silent divergence. So it starts in a new term. The
// state to make durable before START, if it differs.
[[nodiscard]] std::optional<HardState> raise_term_before_start(const HardState& hard,
                                                               const Configuration& latest,
                                                               std::uint64_t node_id,
                                                               const GuardOptions& guards);

// 5. The engine records every CHANGE of an append at the index of the first new entry. So one append is
// stepped in parts: a CHANGE is always the first of its part, after a part (maybe empty) that lets the
// configuration before it be known as committed. The sizes of the parts.
[[nodiscard]] std::vector<std::size_t> parts_of(std::span<const Entry> entries, const GuardOptions& guards);

// 6. An append from before the own snapshot: what the snapshot covers is cut off, and the rest is anchored at
// it. Otherwise the engine, which no longer knows the terms there, takes covered entries for new ones.
void anchor_at_snapshot(Message& append, std::uint64_t snapshot_index, std::uint64_t snapshot_term,
                        const GuardOptions& guards);

// 7. The engine answers an append of an older term with uninitialised fields; with prev 0 that reads as a
// success at a garbage index. The same for an install-snapshot. Both are dropped.
[[nodiscard]] bool is_stale(const kontor_raft_message& header, std::uint64_t current_term,
                            const GuardOptions& guards);

// 8. A reject at or below the match index is late; it would move the leader's progress below what is known.
[[nodiscard]] bool is_late_reject(const kontor_raft_message& header, std::uint64_t current_term,
                                  std::uint64_t match_index, const GuardOptions& guards);

// 9. A server that was promoted and does not know it yet must vote, or nobody can be elected any more. Voting
// is safe for each server that has a log: candidates count only the voters of their own configuration. And
// one that has not heard its leader for an election time-out must not hide behind it: a stand-by never
// forgets it.
struct VoteView {
    bool as_voter = false;
    bool disrupt_leader = false;
};
[[nodiscard]] VoteView view_for_vote(const kontor_raft_message& header, bool is_follower,
                                     std::uint64_t since_leader_ms, std::uint64_t election_timeout_ms,
                                     const GuardOptions& guards);

// 10. A denied pre-vote echoes the candidate's term: one that is behind would never learn of the higher term
// and ask for the same one for ever.
void show_own_term(kontor_raft_message& header, std::uint64_t current_term, const GuardOptions& guards);

// 11. A CHANGE that peers have and the leader's disk has not: after a crash nobody may be able to win. Cuts
// an outgoing append before `change_index`, the first CHANGE that is not stored (0: none); true if it did.
// `own_term` is the term of the entry before the CHANGE: that of the leader, see 4.
bool cut_before_change(kontor_raft_message& header, std::uint64_t change_index, std::uint64_t own_term,
                       const GuardOptions& guards);

// What a leader knows when it is asked to change the configuration.
struct ChangeContext {
    std::uint64_t node_id = 0;
    std::uint64_t commit_index = 0;
    std::uint64_t own_term_index = 0;  // first entry of this leader's term, 0: none yet
    std::uint64_t committed_configuration_index = 0;
    const Configuration* current = nullptr;
    const Configuration* wanted = nullptr;
    // Match index of a server, 0 when unknown.
    std::uint64_t (*match)(const void* context, std::uint64_t id) = nullptr;
    // It was heard since the change was asked for.
    bool (*answers)(const void* context, std::uint64_t id) = nullptr;
    const void* asked = nullptr;  // `context` of both
};

enum class ChangeVerdict : std::uint8_t {
    allowed,
    transfer_first,  // 3: a leader that demotes or removes itself: two leaders in one term
    barrier_first,   // 4: an entry of the own term is committed before any CHANGE, or a committed one can be
                     // lost
    wait,  // 11: every voter and the promoted server have the committed configuration, or it deadlocks. Not
           // the one that is demoted or removed: it may be dead, and it is in neither majority that counts
           // once the change is committed. Nor may the change leave voters of which no majority answers: it
           // could not be committed, and nothing after it either. While one that is dead goes, a second
           // may be dead, too: a majority of those that stay answers and has the committed configuration, and
           // without the change both count for nothing but a larger quorum
    one_at_a_time,  // two servers changed at once: majorities that do not overlap
};
[[nodiscard]] ChangeVerdict may_change(const ChangeContext& context, const GuardOptions& guards);

}  // namespace kontor::replication

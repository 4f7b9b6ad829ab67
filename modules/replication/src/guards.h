#pragma once
// The rules around the engine that it does not keep itself, in one place. Each has a test that fails without
// it (tests/unit/replication/guards_test.cc), which is the only reason that they can be switched off. The
// numbers are those of the table in the driver's manual, modules/replication/README.md.

#include <cstdint>
#include <deque>
#include <optional>

#include "configuration.h"
#include "entry.h"

namespace kontor::replication {

// For tests only. Production code leaves everything on.
struct GuardOptions {
    bool clip_reports = true;            // 1
    bool bump_sole_voter_term = true;    // 2
    bool keep_leader_a_voter = true;     // 3
    bool own_term_before_change = true;  // 4
    bool match_before_change = true;     // 11, the leader's part
};

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
    const void* match_context = nullptr;
};

enum class ChangeVerdict : std::uint8_t {
    allowed,
    transfer_first,  // 3: a leader that demotes or removes itself: two leaders in one term
    barrier_first,   // 4: an entry of the own term is committed before any CHANGE, or a committed one can be
                     // lost
    wait,  // 11: every voter and the promoted server have the committed configuration, or it deadlocks
    one_at_a_time,  // two servers changed at once: majorities that do not overlap
};
[[nodiscard]] ChangeVerdict may_change(const ChangeContext& context, const GuardOptions& guards);

}  // namespace kontor::replication

#pragma once
// The state machine: Machine::apply(batch) is a pure function of rows and batch (DESIGN 6). Ledger and
// payments rules decide here and nowhere else; idempotency record, object state, postings, events, outbox and
// audit rows of a command are written in the same entry.
//
// Threading: one thread (the apply thread). Errors: business outcomes in pb::Result; StoreFailure passes
// through. Limits: kontor/payments/limits.h.

#include <cstdint>
#include <span>
#include <vector>

#include "kontor/store/row_store.h"

namespace kontor::pb {
class Batch;
class Command;
class Result;
class Journal;
}  // namespace kontor::pb

namespace kontor::payments {

// All tables of the state machine: the ledger's (1..9) and payments' (10..63).
[[nodiscard]] std::span<const store::TableSpec> tables();

// The newest command and batch version that this binary knows. A log with a newer one stops the node: it may
// not be replayed under older rules.
inline constexpr std::uint32_t kCommandVersion = 1;

// The two times of an entry (docs/adr/0010). Never compare one with the other.
struct Times {
    std::int64_t machine_ms =
        0;  // what deadlines and time-outs are set and read by: never goes back, never steps
    std::int64_t utc_ms =
        0;  // what people read and calendars go by: the wall clock of whoever led, right or not
};

struct LogTimes : Times {
    std::int64_t highest_utc_ms = 0;  // that any entry up to this one had
};

// What an entry did besides rows; for the node to pass on after commit. Nothing here decides about money.
struct Effects {
    struct Resolved {  // a channel attempt that somebody may wait for came to its end
        std::uint64_t attempt_no;
        std::size_t result;  // index into `resolved_results`
    };
    std::vector<pb::Result> results;  // one a command, in order
    std::vector<Resolved> resolved;
    std::vector<pb::Result> resolved_results;
    std::vector<pb::Journal> journals;  // rows written, with their events
    bool outbox_changed = false;        // deliveries or attempts are due
    LogTimes now;                       // the entry's, as the rules saw them

    Effects();
    ~Effects();
    Effects(Effects&&) noexcept;
    Effects& operator=(Effects&&) noexcept;
};

// How much work a command is: one, or as many as a ledger batch has rows. Whoever makes entries bounds their
// sum.
[[nodiscard]] std::uint64_t command_weight(const pb::Command& command);

class Machine {
 public:
    // `index`: the entry's log index; numbers of new objects derive from it.
    void apply(store::Writer& rows, std::uint64_t index, const pb::Batch& batch, Effects& effects);
};

// When a Tick has work next (funds, expiries, old idempotency rows), on each of the two times; 0: not at all.
[[nodiscard]] Times next_due(const store::Reader& rows);
[[nodiscard]] constexpr bool is_due(const Times& due, const Times& now) {
    return (due.machine_ms != 0 && due.machine_ms <= now.machine_ms) ||
           (due.utc_ms != 0 && due.utc_ms <= now.utc_ms);
}
// Of the newest entry that these rows know.
[[nodiscard]] LogTimes last_times(const store::Reader& rows);

}  // namespace kontor::payments

#pragma once
// The state machine: Machine::apply(batch) is a pure function of rows and batch. Ledger and
// payments rules decide here and nowhere else; idempotency record, object state, postings, events, outbox and
// audit rows of a command are written in the same entry.
//
// Threading: one thread (the apply thread). Errors: business outcomes in pb::Result; StoreFailure passes
// through. Limits: kontor/machine/limits.h.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kontor/machine/times.h"
#include "kontor/store/row_store.h"

namespace kontor::pb {
class Batch;
class Command;
class Result;
class AuditRecord;
}  // namespace kontor::pb

namespace kontor::machine {

class Registry;

// The newest command and batch version that this binary knows. A log with a newer one stops the node: it may
// not be replayed under older rules.
inline constexpr std::uint32_t kCommandVersion = 1;

// What an entry did besides rows; for the node to pass on after commit. Nothing here decides about money.
struct Effects {
    struct Resolved {  // a channel attempt that somebody may wait for came to its end
        std::uint64_t attempt_no;
        std::size_t result;  // index into `resolved_results`
    };
    std::vector<pb::Result> results;  // one a command, in order
    std::vector<Resolved> resolved;
    std::vector<pb::Result> resolved_results;
    std::vector<pb::AuditRecord> audit_records;  // rows written, with their events
    bool outbox_changed = false;                 // deliveries or attempts are due
    bool keys_changed = false;                   // an API key was made or revoked
    LogTimes now;                                // the entry's, as the rules saw them

    Effects();
    ~Effects();
    Effects(Effects&&) noexcept;
    Effects& operator=(Effects&&) noexcept;
};

// How much work a command is: one, or as many as a ledger batch has rows. Whoever makes entries bounds their
// sum.
[[nodiscard]] std::uint64_t command_weight(const Registry& registry, const pb::Command& command);

class Machine {
 public:
    explicit Machine(const Registry& registry);
    ~Machine();

    // `index`: the entry's log index; numbers of new objects derive from it.
    void apply(store::Writer& rows, std::uint64_t index, const pb::Batch& batch, Effects& effects);

 private:
    const Registry& registry_;
    std::unique_ptr<struct Scratch> scratch_;  // kept from entry to entry
};

// When a Tick has work next (funds, expiries, old idempotency rows), on each of the two times; 0: not at all.
[[nodiscard]] Times next_due(const Registry& registry, const store::Reader& rows);

}  // namespace kontor::machine

#pragma once
// The port through which api, admin and outbox reach the node: propose a command, read the state.
// Implemented by `node`; by a direct Machine over memory rows in tests.
//
// Threading: everything may be called from any thread. submit() does not block; `done` is called exactly
// once, on a thread of the node that must not be held up (post to your own). Errors of submit: overloaded
// (429: bounded queue full), unavailable (503: starting, stopping, no leader, the entry was lost: nothing was
// done), timeout (503: the outcome is not known; with the same idempotency key it can be sent again),
// too_large.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/row_store.h"

namespace kontor::pb {
class Command;
class Result;
class AuditRecord;
}  // namespace kontor::pb

namespace kontor::machine {

struct Answer {
    const pb::Result& result;  // valid during the call
    std::uint64_t log_index;
    // Keeps `result` for whoever wants to read it later, on another thread; null: it must be copied.
    std::shared_ptr<const void> keep = {};
};

// What an entry wrote; shared by all who still read it, and changed by nobody.
using AuditRecords = std::shared_ptr<const std::vector<pb::AuditRecord>>;
struct AppliedEntry {
    std::uint64_t log_index = 0;
    AuditRecords audit_records;   // an empty list when it wrote none
    bool outbox_changed = false;  // a new intention, or one that is due at another time
    bool is_gap = false;          // the state was replaced by a newer one: entries in between were not told
};

class Service {
 public:
    virtual ~Service() = default;
    using Done = std::function<void(Result<Answer>)>;
    // A Result that waits for a channel (waiting_on) is held back until the channel's answer is applied or
    // `channel_wait_ms` passed; then the interim Result (status "processing") is delivered.
    virtual void submit(pb::Command command, Done done) = 0;

    // `body` sees whole entries only. Throws nothing but what `body` throws; after StoreFailure the node
    // stops.
    using ReadBody = std::function<void(const store::Reader& rows, std::uint64_t log_index)>;
    virtual void read(const ReadBody& body) const = 0;

    // What due times and deadlines of the rows are compared with, and nothing else is: machine time as this
    // node knows it (docs/adr/0010). It never goes back and follows no wall clock.
    [[nodiscard]] virtual std::int64_t machine_now_ms() const = 0;

    // Changes before the answer of any command that changed API keys is given, and whenever the keys may have
    // changed otherwise. Who took it before read() knows what was read as long as it is the same. 0: nothing
    // may be remembered.
    [[nodiscard]] virtual std::uint64_t keys_version() const { return 0; }

    // Each committed entry from now on, in order, on a node thread: keep it short. Returns a subscription id.
    using OnEntry = std::function<void(const AppliedEntry& entry)>;
    virtual std::uint64_t subscribe(OnEntry on_entry) = 0;
    virtual void unsubscribe(std::uint64_t subscription) = 0;
};

}  // namespace kontor::machine

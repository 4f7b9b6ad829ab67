#pragma once
// The port through which api, admin and outbox reach the node: propose a command, read the state.
// Implemented by `node`; by a direct Machine over memory rows in tests.
//
// Threading: everything may be called from any thread. submit() does not block; `done` is called exactly
// once, on a thread of the node that must not be held up (post to your own). Errors of submit: overloaded
// (429: bounded queue full), unavailable (503: starting, stopping, no leader, the entry was lost: retry with
// the same idempotency key), too_large.

#include <cstdint>
#include <functional>

#include "kontor/base/result.h"
#include "kontor/store/row_store.h"

namespace kontor::pb {
class Command;
class Result;
class Journal;
}  // namespace kontor::pb

namespace kontor::payments {

struct Answer {
    const pb::Result& result;  // valid during the call
    std::uint64_t log_index;
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

    // An entry that wrote no journal is told by an empty one (no() == 0).
    // Committed journals from now on, in order, on a node thread: keep it short. Returns a subscription id.
    using OnJournal = std::function<void(const pb::Journal&, std::uint64_t log_index)>;
    virtual std::uint64_t subscribe(OnJournal on_journal) = 0;
    virtual void unsubscribe(std::uint64_t subscription) = 0;
};

}  // namespace kontor::payments

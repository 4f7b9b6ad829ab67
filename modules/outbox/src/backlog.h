#pragma once
// Deliveries that are due and wait for their turn: a queue for each endpoint, and the endpoints in turns, so
// that a merchant with 100,000 of them is no further ahead than one with a single one.
//
// A queue keeps kQueued; what does not fit stays in the store, and the endpoint `has_more` there: it is read
// on from its own index once the queue is short.
//
// Threading: one thread. Limits: kQueued a queue, kMaxQueues queues, kLooks endpoints looked at in a round.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "kontor/machine/links.h"
#include "kontor/machine/rows.h"

namespace kontor::outbox {

class Backlog {
 public:
    static constexpr std::size_t kQueued = 256;
    static constexpr std::size_t kShort = 64;  // a queue below this is read on
    static constexpr std::size_t kMaxQueues = 20'000;
    static constexpr std::size_t kLooks = 512;

    struct Endpoint {
        machine::Scope scope;
        std::uint64_t no = 0;
        std::deque<machine::Due> queue;
        bool has_more = false;            // in the store
        std::uint64_t read_after_no = 0;  // where to read on there
        bool was_incomplete = false;      // something was left out since reading began at the start
    };
    struct Item {
        machine::Due due;
        machine::Scope scope;
        std::uint64_t endpoint_no = 0;
    };

    [[nodiscard]] bool knows(std::uint64_t no) const { return queued_.contains(no); }
    // False: no place for it; it has to be found again in the store (has_more, or by looking at all).
    bool add(machine::Due due, machine::Scope scope, std::uint64_t endpoint_no);

    void begin_round() { looks_ = 0; }
    // The next one whose endpoint may begin; nullopt: none in this round.
    [[nodiscard]] std::optional<Item> next(const std::function<bool(const Endpoint&)>& may_begin);
    // An endpoint whose queue is short although it has more; nullptr: none in this round.
    [[nodiscard]] Endpoint* short_one(const std::function<bool(const Endpoint&)>& may_begin);

    [[nodiscard]] bool empty() const { return turns_.empty(); }

 private:
    std::unordered_map<std::uint64_t, Endpoint> endpoints_;  // looked up by key, never walked
    std::deque<std::uint64_t> turns_;                        // the keys of endpoints_
    std::unordered_set<std::uint64_t> queued_;               // looked up by key, never walked
    std::size_t looks_ = 0;
};

}  // namespace kontor::outbox

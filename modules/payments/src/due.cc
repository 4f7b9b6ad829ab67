// Work whose moment has come: funds, old idempotency records, sessions, set-up and join tokens, ledger
// time-outs.
#include <algorithm>
#include <array>
#include <vector>

#include "commands.h"
#include "funds.h"
#include "idempotency.h"
#include "kontor/base/bytes.h"
#include "kontor/payments/limits.h"
#include "webhooks.h"

namespace kontor::payments {
namespace {

constexpr std::size_t kDueHeadBytes = 1 + 1 + 1 + 8;

// Every kind of due rows on every clock it is set by. In this order they share what a Tick may do.
struct Queue {
    DueKind kind;
    DueClock clock;
    [[nodiscard]] std::int64_t now_ms(const Times& now) const {
        return clock == DueClock::utc ? now.utc_ms : now.machine_ms;
    }
};
constexpr std::array kQueues = {
    Queue{DueKind::funds, DueClock::utc},
    Queue{DueKind::funds, DueClock::machine},
    Queue{DueKind::stopped_endpoint, DueClock::machine},
    Queue{DueKind::session, DueClock::machine},
    Queue{DueKind::setup_token, DueClock::machine},
    Queue{DueKind::join_token, DueClock::machine},
    Queue{DueKind::idempotency, DueClock::machine},
    Queue{DueKind::failed_ids, DueClock::machine},
};
static_assert((kQueues.size() + 1) * limits::kDueShare <= limits::kDuePerEntry,
              "every queue, and the ledger's time-outs, have their share in one Tick");

std::int64_t due_ms_of(std::string_view key) {
    if (key.size() < kDueHeadBytes) row_failure("due", "a key is too short");
    return static_cast<std::int64_t>(get_be64(key.substr(kDueHeadBytes - 8)));
}

std::vector<std::string> due_now(const store::Reader& rows, const Queue& queue, std::int64_t now_ms,
                                 std::size_t limit) {
    std::vector<std::string> found;
    rows.scan(table::due, due_queue_key(queue.kind, queue.clock).view(),
              due_key(queue.kind, queue.clock, now_ms + 1).view(), store::Direction::ascending,
              [&](std::string_view key, std::string_view) {
                  found.emplace_back(key);
                  return found.size() < limit;
              });
    return found;
}

// How many units of work it was; finished when less than `limit`.
std::size_t work_off(Context& context, const Queue& queue, std::string_view payload, std::size_t limit) {
    switch (queue.kind) {
        case DueKind::funds:
            return release_group(context, queue.clock, payload, limit);
        case DueKind::idempotency:
            return expire_idempotency(context, payload, limit);
        case DueKind::stopped_endpoint:
            return stop_deliveries(context, payload, limit);
        case DueKind::session:
            context.rows.erase(table::sessions, payload);
            return 0;
        case DueKind::setup_token:
            context.rows.erase(table::setup_tokens, payload);
            return 0;
        case DueKind::join_token:
            context.rows.erase(table::cluster, join_token_key(payload).view());
            return 0;
        case DueKind::failed_ids:
            return drop_failed_ids(context, payload, limit);
    }
    row_failure("due", "a row of another kind");
}

// What of `limit` it took; all of it: there may be more.
std::size_t work_queue(Context& context, const Queue& queue, std::size_t limit) {
    std::size_t left = limit;
    for (const std::string& key : due_now(context.rows, queue, queue.now_ms(context.now), limit)) {
        if (left == 0) break;
        const std::size_t done = work_off(context, queue, std::string_view(key).substr(kDueHeadBytes), left);
        if (done >= left) return limit;  // perhaps more of the same: the row stays for the next Tick
        context.rows.erase(table::due, key);
        left -= done + 1;
    }
    return limit - left;
}

}  // namespace

// First everybody's share, then whoever has more: a flood of one kind delays no other.
pb::Result tick(Context& context) {
    std::size_t left = limits::kDuePerEntry;
    std::array<bool, kQueues.size() + 1> has_more{};
    const auto work = [&](std::size_t at, std::size_t limit) {
        if (limit == 0) return;
        const std::size_t done = at < kQueues.size() ? work_queue(context, kQueues.at(at), limit)
                                                     : context.ledger.expire_pending(limit);
        has_more.at(at) = done >= limit;
        left -= done;
    };
    for (std::size_t at = 0; at < has_more.size(); ++at) work(at, limits::kDueShare);
    for (std::size_t at = has_more.size(); at > 0; --at)
        if (has_more.at(at - 1)) work(at - 1, left);
    return {};
}

Times next_due(const store::Reader& rows) {
    Times next;
    const auto sooner = [](std::int64_t& at, std::int64_t due_ms) {
        if (at == 0 || due_ms < at) at = due_ms;
    };
    for (const Queue& queue : kQueues) {
        const auto end = Key(due_queue_key(queue.kind, queue.clock)).be64(UINT64_MAX);
        rows.scan(table::due, due_queue_key(queue.kind, queue.clock).view(), end.view(),
                  store::Direction::ascending, [&](std::string_view key, std::string_view) {
                      sooner(queue.clock == DueClock::utc ? next.utc_ms : next.machine_ms, due_ms_of(key));
                      return false;
                  });
    }
    if (const auto expiry = ledger::next_expiry_ms(rows))
        sooner(next.machine_ms, static_cast<std::int64_t>(*expiry));
    return next;
}

}  // namespace kontor::payments

// Work whose moment has come: the queues of all domains.
#include <algorithm>
#include <vector>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"
#include "kontor/machine/frame.h"
#include "kontor/machine/limits.h"

namespace kontor::machine {
namespace {

constexpr std::size_t kDueHeadBytes = 1 + 1 + 1 + 8;

// The one of `times` that a clock shows.
template <typename T>
auto& on_clock(DueClock clock, T& times) {
    switch (clock) {
        case DueClock::machine:
            return times.machine_ms;
        case DueClock::utc:
            return times.utc_ms;
        case DueClock::running:
            return times.running_ms;
    }
    row_failure("due", "a clock that this version does not know");
}

std::int64_t due_ms_of(std::string_view key) {
    if (key.size() < kDueHeadBytes) row_failure("due", "a key is too short");
    return static_cast<std::int64_t>(get_be64(key.substr(kDueHeadBytes - 8)));
}

std::vector<std::string> due_now(const store::Reader& rows, const DueQueue& queue, std::int64_t now_ms,
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

// What of `limit` it took; all of it: there may be more. No row is begun without kNumbersPerDueRow above
// `keep_numbers`, which are for other queues.
std::size_t work_queue(Context& context, const DueQueue& queue, std::size_t limit,
                       std::uint64_t keep_numbers) {
    std::size_t left = limit;
    for (const std::string& key : due_now(context.rows, queue, on_clock(queue.clock, context.now), limit)) {
        if (left == 0) break;
        const std::uint64_t numbers = context.numbers_left();
        if (numbers < keep_numbers + limits::kNumbersPerDueRow) return limit;
        const std::string_view payload = std::string_view(key).substr(kDueHeadBytes);
        if (payload.size() != queue.payload_bytes)
            row_failure("due", "a row has another shape than its kind");
        const std::size_t done = queue.work.value(context, queue.clock, payload, left);
        KONTOR_ASSERT(numbers - context.numbers_left() <= limits::kNumbersPerDueRow,
                      "a row of due work makes too many objects");
        if (done >= left) return limit;  // perhaps more of the same: the row stays for the next Tick
        context.rows.erase(table::due, key);
        left -= done + 1;
    }
    return limit - left;
}

}  // namespace

// First everybody's share, of the numbers too, then whoever has more: a flood of one kind delays no other.
pb::Result tick(Context& context) {
    const auto queues = context.registry.due();
    const auto own = context.registry.own_queues();
    std::size_t left = limits::kDuePerEntry;
    std::vector<bool> has_more(queues.size() + own.size());
    const auto work = [&](std::size_t at, std::size_t limit, std::uint64_t keep_numbers) {
        if (limit == 0) return;
        const std::size_t done = at < queues.size() ? work_queue(context, queues[at], limit, keep_numbers)
                                                    : own[at - queues.size()].work.value(context, limit);
        has_more[at] = done >= limit;
        left -= done;
    };
    for (std::size_t at = 0; at < has_more.size(); ++at)
        work(at, limits::kDueShare, (has_more.size() - 1 - at) * limits::kNumbersPerDueRow);
    for (std::size_t at = has_more.size(); at > 0; --at)
        if (has_more[at - 1]) work(at - 1, left, 0);
    return {};
}

Times next_due(const Registry& registry, const store::Reader& rows) {
    Times next;
    const auto sooner = [](std::int64_t& at, std::int64_t due_ms) {
        if (at == 0 || due_ms < at) at = due_ms;
    };
    for (const DueQueue& queue : registry.due()) {
        const auto end = Key(due_queue_key(queue.kind, queue.clock)).be64(UINT64_MAX);
        rows.scan(table::due, due_queue_key(queue.kind, queue.clock).view(), end.view(),
                  store::Direction::ascending, [&](std::string_view key, std::string_view) {
                      sooner(on_clock(queue.clock, next), due_ms_of(key));
                      return false;
                  });
    }
    for (const OwnQueue& queue : registry.own_queues())
        if (const auto at = queue.next_machine_ms.value(rows)) sooner(next.machine_ms, *at);
    return next;
}

}  // namespace kontor::machine

// Work whose moment has come: funds, old idempotency records, sessions, set-up and join tokens, ledger
// time-outs.
#include <vector>

#include "commands.h"
#include "funds.h"
#include "idempotency.h"
#include "kontor/base/bytes.h"
#include "kontor/payments/limits.h"
#include "webhooks.h"

namespace kontor::payments {
namespace {

constexpr std::size_t kDueHeadBytes = 1 + 8 + 1;

struct DueRow {
    std::string key;
    std::int64_t due_ms;
    DueKind kind;
    [[nodiscard]] std::string_view payload() const { return std::string_view(key).substr(kDueHeadBytes); }
};

std::int64_t due_ms_of(std::string_view key) {
    if (key.size() < kDueHeadBytes) row_failure("due", "a key is too short");
    return static_cast<std::int64_t>(get_be64(key.substr(1)));
}

std::vector<DueRow> due_now(const store::Reader& rows, std::int64_t now_ms, std::size_t limit) {
    std::vector<DueRow> found;
    rows.scan(table::due, Key().byte(kDueHome).view(), {}, store::Direction::ascending,
              [&](std::string_view key, std::string_view) {
                  const std::int64_t due_ms = due_ms_of(key);
                  if (due_ms > now_ms) return false;
                  found.push_back({std::string(key), due_ms, static_cast<DueKind>(key[kDueHeadBytes - 1])});
                  return found.size() < limit;
              });
    return found;
}

// How many units of work it was; finished when less than `limit`.
std::size_t work_off(Context& context, const DueRow& row, std::size_t limit) {
    switch (row.kind) {
        case DueKind::funds:
            return release_group(context, row.due_ms, row.payload(), limit);
        case DueKind::idempotency:
            return expire_idempotency(context, row.payload(), limit);
        case DueKind::stopped_endpoint:
            return stop_deliveries(context, row.payload(), limit);
        case DueKind::session:
            context.rows.erase(table::sessions, row.payload());
            return 0;
        case DueKind::setup_token:
            context.rows.erase(table::setup_tokens, row.payload());
            return 0;
        case DueKind::join_token:
            context.rows.erase(table::cluster, join_token_key(row.payload()).view());
            return 0;
        case DueKind::failed_ids:
            return drop_failed_ids(context, row.payload(), limit);
    }
    row_failure("due", "a row of another kind");
}

}  // namespace

pb::Result tick(Context& context) {
    std::size_t left = limits::kDuePerEntry;
    left -= context.ledger.expire_pending(left);
    for (const DueRow& row : due_now(context.rows, context.now_ms, left)) {
        if (left == 0) break;
        const std::size_t done = work_off(context, row, left);
        if (done >= left) break;  // perhaps more of the same: the row stays for the next Tick
        context.rows.erase(table::due, row.key);
        left -= done + 1;
    }
    return {};
}

std::int64_t next_due_ms(const store::Reader& rows) {
    std::int64_t next = 0;
    rows.scan(table::due, Key().byte(kDueHome).view(), {}, store::Direction::ascending,
              [&](std::string_view key, std::string_view) {
                  next = due_ms_of(key);
                  return false;
              });
    if (const auto expiry = ledger::next_expiry_ms(rows)) {
        const auto expiry_ms = static_cast<std::int64_t>(*expiry);
        if (next == 0 || expiry_ms < next) next = expiry_ms;
    }
    return next;
}

}  // namespace kontor::payments

#include "domains/balances/invariants.h"

#include <map>

#include "domains/balances/balances.h"
#include "domains/balances/postings.h"
#include "domains/balances/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/carriers.pb.h"

namespace kontor::balances {

using namespace machine;  // the frame's words

namespace {

struct Sums {
    std::int64_t net = 0;      // of all transactions
    std::int64_t waiting = 0;  // of unreleased rows, less the debt
};
using ByCurrency = std::map<std::uint32_t, Sums>;  // of one scope

void add_transactions(Audit& audit, Scope scope, ByCurrency& sums) {
    audit.scan(table::balance_transactions, object_key(scope, 0), scope_end(scope),
               [&](std::string_view, std::string_view value) {
                   const auto row = parse_row<pb::BalanceTransaction>(value, "balance_transactions");
                   sums[row.currency()].net += row.net();
               });
}

void add_waiting(Audit& audit, Scope scope, ByCurrency& sums) {
    audit.scan(table::unreleased, Key().scope(scope), scope_end(scope),
               [&](std::string_view key, std::string_view value) {
                   if (key.size() != kUnreleasedKeyBytes || value.size() != sizeof(std::int64_t))
                       row_failure("unreleased_funds", "a row has another shape");
                   sums[get_be32(key.substr(17))].waiting += get_le<std::int64_t>(value);
               });
    for (auto& [currency, sum] : sums)
        sum.waiting -= load_integer(audit.rows, table::release_debts, debt_key(scope, currency));
}

void compare(Audit& audit, Scope scope) {
    ByCurrency sums;
    for (const BalanceLine& line : merchant_balance(audit.rows, scope)) sums[line.currency];
    add_transactions(audit, scope, sums);
    add_waiting(audit, scope, sums);
    for (const auto& each : sums) {  // (clang 14 captures no parts of one)
        const std::uint32_t currency = each.first;
        const auto& sum = each.second;
        const std::int64_t pending = available(audit.rows, scope, currency, merchant_pending(scope));
        const std::int64_t both = pending + available(audit.rows, scope, currency, merchant_available(scope));
        const auto differ = [&](std::string_view what, std::int64_t ledger, std::int64_t rows) {
            if (ledger != rows)
                audit.broken(scope, 0,
                             "currency " + std::to_string(currency) + ": the ledger has " +
                                 std::to_string(ledger) + std::string(what) + std::to_string(rows));
        };
        differ(" pending, and what waits is ", pending, sum.waiting);
        differ(" pending and available, and the balance transactions say ", both, sum.net);
    }
}

}  // namespace

void check_balances(Audit& audit) {
    audit.each(machine::table::scope_heads,
               [&](std::string_view key, std::string_view) { compare(audit, scope_of(key)); });
}

void check_waiting(Audit& audit) {
    audit.each_object<pb::BalanceTransaction>(
        table::balance_transactions, "balance_transactions",
        [&](Scope scope, const pb::BalanceTransaction& row) {
            if (row.net() != row.amount() - row.fee())
                audit.broken(scope, row.no(), "the balance transaction's net is not its amount less the fee");
            if (!row.available() && !audit.has(table::unreleased, unreleased_key(row)))
                audit.broken(scope, row.no(),
                             "the balance transaction is pending, and nothing waits for its day");
        });
    audit.each(table::unreleased, [&](std::string_view key, std::string_view value) {
        if (key.size() != kUnreleasedKeyBytes || value.size() != sizeof(std::int64_t))
            row_failure("unreleased_funds", "a row has another shape");
        const Scope scope = scope_of(key);
        const auto day_ms = static_cast<std::int64_t>(get_be64(key.substr(9)));
        const std::uint32_t currency = get_be32(key.substr(17));
        const std::uint64_t no = get_be64(key.substr(21));
        if (get_le<std::int64_t>(value) < 0) audit.broken(scope, no, "less than nothing waits for its day");
        const auto row = find_balance_transaction(audit.rows, scope, no);
        if (!row || row->available() || row->available_on_ms() != day_ms || row->currency() != currency)
            audit.broken(scope, no, "money waits for a balance transaction that is not pending");
        const Key due =
            due_key(kFundsDue, DueClock::utc, day_ms).bytes(funds_payload(scope, day_ms, currency).view());
        if (!audit.has(machine::table::due, due))
            audit.broken(scope, no, "money waits, and its day never comes");
    });
    audit.each(table::release_debts, [&](std::string_view key, std::string_view value) {
        if (value.size() != sizeof(std::int64_t) || get_le<std::int64_t>(value) <= 0)
            audit.broken(scope_of(key), 0, "a release debt is not above zero");
    });
}

}  // namespace kontor::balances

#include "domains/balances/balances.h"

#include <algorithm>

#include "domains/balances/postings.h"
#include "domains/balances/tables.h"
#include "domains/payments/ids.h"
#include "domains/payments/payments.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/refunds.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/crypto/public_id.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::balances {

using namespace machine;  // the frame's words

std::optional<pb::BalanceTransaction> find_balance_transaction(const store::Reader& rows, Scope scope,
                                                               std::uint64_t no) {
    return load<pb::BalanceTransaction>(rows, table::balance_transactions, object_key(scope, no));
}

Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader& rows, Scope scope,
                                                         const ListQuery& query, Bound& bound) {
    const auto wanted = [&](const pb::BalanceTransaction& row) {
        return (query.type.empty() || row.type() == query.type) &&
               (query.currency == 0 || row.currency() == query.currency) &&
               (query.source_id.empty() || row.source_id() == query.source_id);
    };
    if (query.source_id.empty()) {
        return list<pb::BalanceTransaction>(rows, scope, table::balance_transactions,
                                            objects(table::balance_transactions, scope), query, bound,
                                            wanted);
    }
    // At most two, and the source names them: no scan.
    std::vector<std::uint64_t> numbers;
    if (const auto no = parse_id(payments::prefix::charge, query.source_id)) {
        if (const auto charge = payments::find_charge(rows, scope, *no)) {
            numbers = {charge->balance_transaction_no()};
        }
    } else if (const auto refund_no = parse_id(refunds::prefix::refund, query.source_id)) {
        if (const auto refund = refunds::find_refund(rows, scope, *refund_no)) {
            numbers = {refund->failure_balance_transaction_no(), refund->balance_transaction_no()};
        }
    }
    Listed<pb::BalanceTransaction> page;
    const Range range = range_of(
        rows, objects(table::balance_transactions, scope), query,
        [](std::string_view value) { return parse_row<pb::BalanceTransaction>(value, "list").created_ms(); });
    for (const std::uint64_t no : numbers) {
        if (no == 0 || no < range.low || no >= range.high) continue;
        auto row = find_balance_transaction(rows, scope, no);
        if (row && range.admits(row->created_ms()) && wanted(*row)) page.rows.push_back(std::move(*row));
    }
    if (page.rows.size() > page_size(query)) {
        page.has_more = true;
        page.rows.erase(range.ascending ? page.rows.begin() : page.rows.end() - 1);
    }
    return page;
}
Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader& rows, Scope scope,
                                                         const ListQuery& query) {
    Bound bound = whole_list();
    return list_balance_transactions(rows, scope, query, bound);
}

std::vector<BalanceLine> merchant_balance(const store::Reader& rows, Scope scope) {
    std::vector<BalanceLine> lines;
    const auto head = load<pb::ScopeHead>(rows, machine::table::scope_heads, Key().scope(scope));
    if (!head) return lines;
    for (const std::uint32_t currency : head->GetExtension(pb::balance_head).currencies()) {
        lines.push_back({currency, available(rows, scope, currency, merchant_available(scope)),
                         available(rows, scope, currency, merchant_pending(scope))});
    }
    return lines;
}

}  // namespace kontor::balances

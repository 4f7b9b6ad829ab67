#include "domains/customers/customers.h"

#include "domains/balances/postings.h"
#include "domains/customers/email_index.h"
#include "domains/customers/tables.h"
#include "kontor/bodies.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/ledger/chart.h"

namespace kontor::customers {

using namespace machine;  // the frame's words

std::optional<pb::Customer> find_customer(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::Customer>(rows, table::customers, object_key(scope, no));
}

Listed<pb::Customer> list_customers(const store::Reader& rows, Scope scope, const ListQuery& query,
                                    Bound& bound) {
    Source source = objects(table::customers, scope);
    if (!query.email.empty()) source = {table::customer_emails, email_key(scope, query.email)};
    return list<pb::Customer>(
        rows, scope, table::customers, source, query, bound, [&](const pb::Customer& row) {
            return !row.deleted() && (query.email.empty() || row.email() == query.email);
        });
}
Listed<pb::Customer> list_customers(const store::Reader& rows, Scope scope, const ListQuery& query) {
    Bound bound = whole_list();
    return list_customers(rows, scope, query, bound);
}

std::vector<balances::BalanceLine> wallet_balance(const store::Reader& rows, Scope scope,
                                                  std::uint64_t customer_no) {
    std::vector<balances::BalanceLine> lines;
    const auto head = load<pb::ScopeHead>(rows, machine::table::scope_heads, Key().scope(scope));
    if (!head || !find_customer(rows, scope, customer_no)) return lines;
    for (const std::uint32_t currency : head->GetExtension(pb::wallet_head).currencies()) {
        const auto account = ledger::find_account(
            rows, ledger::system_account(ledger::AccountKind::customer_wallet,
                                         balances::ledger_of(scope, currency), customer_no));
        if (!account) continue;
        lines.push_back({currency, static_cast<std::int64_t>(ledger::available_to_debit(*account)),
                         static_cast<std::int64_t>(account->debits_pending)});
    }
    return lines;
}

}  // namespace kontor::customers

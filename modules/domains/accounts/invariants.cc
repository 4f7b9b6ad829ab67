#include "domains/accounts/invariants.h"

#include "domains/accounts/tables.h"
#include "kontor/accounts.pb.h"

namespace kontor::accounts {

using namespace machine;  // the frame's words

namespace {

void check_head(Audit& audit, Scope scope) {
    if (audit.has(machine::table::scope_heads, Key().scope(scope))) return;
    bool has_rows = false;
    audit.rows.scan(machine::table::audit_records, object_key(scope, 0).view(), scope_end(scope).view(),
                    store::Direction::ascending, [&](std::string_view, std::string_view) {
                        has_rows = true;
                        return false;
                    });
    if (has_rows) audit.broken(scope, 0, "there is an audit record, and its head is gone");
}

}  // namespace

void check_merchants(Audit& audit) {
    check_head(audit, kInstanceScope);
    audit.each<pb::Merchant>(
        table::merchants, "merchants", [&](std::string_view key, const pb::Merchant& merchant) {
            if (key != merchant_key(merchant.no()).view())
                audit.broken({merchant.no(), false}, merchant.no(), "the merchant stands under another key");
            for (const bool livemode : {false, true}) check_head(audit, {merchant.no(), livemode});
        });
}

}  // namespace kontor::accounts

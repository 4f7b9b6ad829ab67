#pragma once
// Customers and their wallets.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domains/balances/balances.h"
#include "kontor/customers.pb.h"
#include "kontor/json/fields.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/page.h"

namespace kontor::customers {

[[nodiscard]] std::optional<pb::Customer> find_customer(const store::Reader&, machine::Scope,
                                                        std::uint64_t no);  // also deleted
// Newest first.
[[nodiscard]] machine::Listed<pb::Customer> list_customers(const store::Reader&, machine::Scope,
                                                           const machine::ListQuery&);
[[nodiscard]] machine::Listed<pb::Customer> list_customers(const store::Reader&, machine::Scope,
                                                           const machine::ListQuery&, machine::Bound&);
// Read from the ledger accounts, currencies ascending by code number.
[[nodiscard]] std::vector<balances::BalanceLine> wallet_balance(const store::Reader&, machine::Scope,
                                                                std::uint64_t customer_no);
extern const fields::Shape kCustomerShape;
[[nodiscard]] std::string customer_json(const pb::Customer&, const machine::Expansion& = {});
// previous_attributes of customer.updated; "": nothing changed.
[[nodiscard]] std::string customer_changes(const pb::Customer& before, const pb::Customer& after);

}  // namespace kontor::customers

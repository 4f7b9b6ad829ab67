#pragma once
// JSON of what is no record of its own: balances, top-ups, the account. Records are rendered by payments.
//
// Pure functions. Errors: none.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domains/balances/balances.h"
#include "kontor/accounts.pb.h"
#include "kontor/customers.pb.h"

namespace kontor::api {

using BalanceLines = std::vector<balances::BalanceLine>;

// `default_currency` (lower case) is shown with zeros when there is no line.
[[nodiscard]] std::string balance_json(const BalanceLines& lines, std::string_view default_currency,
                                       bool livemode);
[[nodiscard]] std::string cash_balance_json(std::uint64_t customer_no, const BalanceLines& lines,
                                            bool livemode);

// A top-up as Stripe's customer_cash_balance_transaction.
struct Funding {
    std::uint64_t no = 0;
    std::int64_t created_ms = 0;
    std::int64_t amount = 0;
    std::uint32_t currency = 0;
    std::int64_t ending_balance = 0;
    std::string reference;
    const pb::Customer& customer;
    bool expand_customer = false;
};
[[nodiscard]] std::string funding_json(const Funding& funding);
[[nodiscard]] std::string account_json(const pb::Merchant& merchant);

}  // namespace kontor::api

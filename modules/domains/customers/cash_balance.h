#pragma once
// The wallet as the API shows it, and what a top-up is answered with: objects that are made of the ledger and
// of the command, and of no row.

#include <cstdint>
#include <string>
#include <vector>

#include "domains/balances/balances.h"
#include "kontor/customers.pb.h"
#include "kontor/json/fields.h"
#include "kontor/machine/domain.h"

namespace kontor::customers {

struct CashBalance {
    std::uint64_t customer_no = 0;
    const std::vector<balances::BalanceLine>& lines;
    bool livemode = false;
};
extern const fields::Shape kCashBalanceShape;
[[nodiscard]] std::string cash_balance_json(const CashBalance& balance);

// No row and no event has it: its number is one that no message in Object can take.
inline constexpr std::uint32_t kCashBalanceTransaction = machine::kFirstRenderedObject;
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
extern const fields::Shape kFundingShape;
[[nodiscard]] std::string funding_json(const Funding& funding);

}  // namespace kontor::customers

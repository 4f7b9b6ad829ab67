#pragma once
// References of other domains' objects to balance transactions.

#include <array>

#include "domains/balances/ids.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/json/fields.h"

namespace kontor::balances {

inline constexpr std::array kToBalanceTransaction = {
    fields::Target{.object = "balance_transaction",
                   .prefix = prefix::balance_transaction,
                   .kind = pb::kBalanceTransactionFieldNumber,
                   .may_be_deleted = false},
};

}  // namespace kontor::balances

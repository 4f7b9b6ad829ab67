#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::balances {

namespace table {
inline constexpr store::TableId balance_transactions = 24;
inline constexpr store::TableId unreleased = 32;
inline constexpr store::TableId release_debts = 33;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::balance_transactions, "balance_transactions", machine::home::merchant, true},
    store::TableSpec{table::unreleased, "unreleased_funds", machine::home::merchant, true},
    store::TableSpec{table::release_debts, "release_debts", machine::home::merchant, false},
};

inline constexpr machine::DueKind kFundsDue{1};

}  // namespace kontor::balances

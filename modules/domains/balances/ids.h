#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::balances::prefix {

inline constexpr std::string_view balance_transaction = "txn";

}  // namespace kontor::balances::prefix

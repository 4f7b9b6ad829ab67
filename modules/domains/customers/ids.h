#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::customers::prefix {

inline constexpr std::string_view customer = "cus";
inline constexpr std::string_view cash_balance_transaction = "ccsbtxn";

}  // namespace kontor::customers::prefix

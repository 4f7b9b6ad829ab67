#pragma once
// The words that fields of balance transactions can have: part of the API.

#include <array>
#include <string_view>

namespace kontor::balances {

namespace type {
inline constexpr std::string_view charge = "charge", refund = "refund", refund_failure = "refund_failure";
}
inline constexpr std::array<std::string_view, 3> kTypes = {type::charge, type::refund, type::refund_failure};

}  // namespace kontor::balances

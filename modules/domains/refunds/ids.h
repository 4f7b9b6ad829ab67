#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::refunds::prefix {

inline constexpr std::string_view refund = "re";

}  // namespace kontor::refunds::prefix

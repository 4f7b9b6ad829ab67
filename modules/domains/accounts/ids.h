#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::accounts::prefix {

inline constexpr std::string_view merchant = "acct";

}  // namespace kontor::accounts::prefix

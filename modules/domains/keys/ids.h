#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::keys::prefix {

inline constexpr std::string_view api_key = "key";

}  // namespace kontor::keys::prefix

#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::attempts::prefix {

inline constexpr std::string_view attempt = "att";

}  // namespace kontor::attempts::prefix

#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::payments::prefix {

inline constexpr std::string_view intent = "pi";
inline constexpr std::string_view charge = "ch";

}  // namespace kontor::payments::prefix

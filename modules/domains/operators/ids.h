#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::operators::prefix {

inline constexpr std::string_view operator_ = "op";
inline constexpr std::string_view session = "ses";

}  // namespace kontor::operators::prefix

#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::webhooks::prefix {

inline constexpr std::string_view webhook_endpoint = "we";
inline constexpr std::string_view delivery = "wd";

}  // namespace kontor::webhooks::prefix

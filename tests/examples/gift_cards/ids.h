#pragma once
// Prefixes of public ids: part of the API.

#include <string_view>

namespace kontor::gift_cards::prefix {

inline constexpr std::string_view gift_card = "gift";

}  // namespace kontor::gift_cards::prefix

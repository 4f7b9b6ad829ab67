#pragma once
// Limits of gift cards.

#include <cstddef>

namespace kontor::gift_cards::limits {

inline constexpr std::size_t kPerCustomer = 100;

}  // namespace kontor::gift_cards::limits

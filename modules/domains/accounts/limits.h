#pragma once
// Limits of accounts.

#include <cstddef>
#include <cstdint>

namespace kontor::accounts::limits {

inline constexpr std::uint32_t kFeeBpsMax = 10'000;
inline constexpr std::uint32_t kSettlementDelayDaysMax = 365;

}  // namespace kontor::accounts::limits

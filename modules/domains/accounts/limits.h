#pragma once
// Limits of accounts.

#include <cstddef>
#include <cstdint>

namespace kontor::accounts::limits {

inline constexpr std::uint32_t kFeeBpsMax = 10'000;
// Whoever waits longer for money has another contract than this platform's.
inline constexpr std::uint32_t kSettlementDelayDaysMax = 90;

}  // namespace kontor::accounts::limits

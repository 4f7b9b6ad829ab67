#pragma once
// Limits of operators.

#include <cstddef>
#include <cstdint>

namespace kontor::operators::limits {

inline constexpr std::size_t kOperatorNameBytes = 64;
inline constexpr std::size_t kOperators = 1000;
inline constexpr std::int64_t kTotpStepMs = 30'000;
inline constexpr std::uint64_t kTotpStepsAhead = 2;  // more: the clock was wrong when the code was used
inline constexpr std::size_t kTotpStepsAheadKept = 8;
inline constexpr std::uint32_t kFailedLoginsBeforeLock = 5;
inline constexpr std::int64_t kLoginLockMs = 15LL * 60 * 1000;

}  // namespace kontor::operators::limits

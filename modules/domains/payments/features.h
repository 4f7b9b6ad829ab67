#pragma once
// Rules of payments that came after the first release, by feature level (kontor/machine/features.h).

#include <cstdint>

namespace kontor::payments {

inline constexpr std::uint32_t kCapsAttempts = 2;  // declined attempts of a payment intent are counted

}  // namespace kontor::payments

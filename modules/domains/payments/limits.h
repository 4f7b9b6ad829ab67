#pragma once
// Limits of payments.

#include <cstddef>
#include <cstdint>

namespace kontor::payments::limits {

inline constexpr std::size_t kStatementDescriptorBytes = 22;
// Card testing tries one intent again and again, and each try leaves a charge, an attempt and events. Twice
// what card schemes allow for one purchase: no shopper meets it.
inline constexpr std::uint32_t kDeclinedAttemptsPerIntent = 30;

}  // namespace kontor::payments::limits

#pragma once
// Limits of customers.

#include <cstddef>
#include <cstdint>

namespace kontor::customers::limits {

inline constexpr std::size_t kEmailBytes = 512;
inline constexpr std::size_t kPhoneBytes = 20;
inline constexpr std::int64_t kWalletMaxMinor = 999'999'999'999'999;  // 1,000 of the largest payments

}  // namespace kontor::customers::limits

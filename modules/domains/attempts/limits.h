#pragma once
// Limits of channel attempts.

#include <cstddef>
#include <cstdint>

#include "kontor/machine/limits.h"

namespace kontor::attempts::limits {

// How long a payer may take: 3-D Secure and most QR codes end within hours; a channel may name less.
inline constexpr std::int64_t kPayerHasMs = 24LL * 3600 * 1000;
inline constexpr std::int64_t kPayerHasAtLeastMs = 60LL * 1000;
// A way back of kUrlBytes, percent-encoded, and what a link has besides; servers read 8 KiB of target.
inline constexpr std::size_t kActionUrlBytes = 4 * machine::limits::kUrlBytes;
inline constexpr std::size_t kActionDataBytes = 4096;  // a QR code holds 2,953

}  // namespace kontor::attempts::limits

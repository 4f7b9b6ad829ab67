#pragma once
// Report: how much was paid, by minute, hour and day.
//
// Threading: any. Errors: timeout, and as sqlite.h.

#include <cstdint>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/reporting/reports.h"

namespace kontor::volumes {

extern const reporting::ReportSpec kReport;

struct VolumeLine {
    std::int64_t start_ms = 0;  // of the hour or day, UTC
    std::uint16_t currency = 0;
    std::int64_t volume = 0;  // succeeded, minor units
    std::uint64_t payments = 0, succeeded = 0, failed = 0;
};
enum class Bucket : std::uint8_t { minute, hour, day };

// Sums over all merchants and methods, oldest first.
[[nodiscard]] Result<std::vector<VolumeLine>> list(const reporting::Reports& reports, Bucket bucket,
                                                   bool livemode, std::int64_t from_ms,
                                                   std::int64_t until_ms);

}  // namespace kontor::volumes

#pragma once
// The example of a report: how many customers a merchant got, by day.
//
// Threading: any. Errors: timeout, and as sqlite.h.

#include <cstdint>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/reporting/reports.h"

namespace kontor::toy_report {

extern const reporting::ReportSpec kReport;

struct Day {
    std::int64_t day_ms = 0;  // its begin, UTC
    std::int64_t customers = 0;
};
// Oldest first.
[[nodiscard]] Result<std::vector<Day>> list(const reporting::Reports& reports, bool livemode,
                                            std::uint64_t merchant_no);

}  // namespace kontor::toy_report

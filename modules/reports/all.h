#pragma once
// All reports: what Reports::open() is given.

#include <span>

#include "kontor/reporting/report.h"

namespace kontor::reports {

[[nodiscard]] std::span<const reporting::ReportSpec* const> all();

}  // namespace kontor::reports

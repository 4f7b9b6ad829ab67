#include "reports/all.h"

#include "lists/reports.h"

namespace kontor::reports {

std::span<const reporting::ReportSpec* const> all() {
    return lists::kReports;
}

}  // namespace kontor::reports

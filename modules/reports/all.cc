#include "reports/all.h"

#include <array>

#include "reports/payment_list/payment_list.h"
#include "reports/volumes/volumes.h"

namespace kontor::reports {

std::span<const reporting::ReportSpec* const> all() {
    static constexpr std::array kReports{
        &payment_list::kReport,
        &volumes::kReport,
    };
    return kReports;
}

}  // namespace kontor::reports

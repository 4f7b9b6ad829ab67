#pragma once
// The list's reads.
//
// Threading: one thread at a time each. Errors: as sqlite.h. Limits: PaymentQuery's.

#include <memory>
#include <optional>

#include "kontor/reporting/report.h"
#include "reports/payment_list/payment_list.h"

namespace kontor::payment_list {

class PaymentReader final : public reporting::ReportReader {
 public:
    explicit PaymentReader(std::unique_ptr<reporting::Database> database)
        : ReportReader(std::move(database)) {}
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<PaymentPage> list(const PaymentQuery& query);
    [[nodiscard]] Result<std::optional<PaymentRow>> find(bool livemode, std::uint64_t intent_no);

 private:
    reporting::Statement find_;
};

}  // namespace kontor::payment_list

#pragma once
// Payments and their customers into rows.
//
// What a transaction changes more than once is gathered in memory and written once, at its end: the row of a
// payment, and with it its place in three indexes and the text search.
//
// Threading: the report's thread. Errors: as sqlite.h.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kontor/customers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/payments.pb.h"
#include "kontor/reporting/report.h"

namespace kontor::payment_list {

[[nodiscard]] std::string method_detail(const pb::PaymentMethod& method);  // "visa •••• 4242"
[[nodiscard]] const std::string& failure_code(const pb::PaymentIntent& intent);

class PaymentWriter final : public reporting::ReportWriter {
 public:
    explicit PaymentWriter(reporting::Database& database) : database_(database) {}
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<void> apply(const pb::AuditRecord& audit_record, const pb::Event& event) override;
    [[nodiscard]] Result<void> finish() override;
    void forget() override;
    // Payments whose rows the last transaction changed, in the order of their numbers.
    struct Changed {
        std::uint64_t intent_no;
        bool livemode;
    };
    [[nodiscard]] const std::vector<Changed>& changed() const { return changed_; }

 private:
    // The row of a payment as the transaction leaves it.
    struct Pending {
        const pb::PaymentIntent* intent = nullptr;  // null: only what was refunded has changed
        std::optional<std::int64_t> amount_refunded;
        bool livemode = false;
    };
    Result<void> put_customer(const pb::Customer& customer);
    Result<void> write_payment(std::uint64_t intent_no, const Pending& pending);

    reporting::Database& database_;
    reporting::Statement put_payment_, put_refunded_, put_customer_;
    std::vector<Changed> changed_;
    // Of this transaction. Looked up by number, and written in the order of the numbers.
    std::unordered_map<std::uint64_t, Pending> payments_;
};

}  // namespace kontor::payment_list

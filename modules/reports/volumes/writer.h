#pragma once
// Counts events into volumes. What a transaction counts is gathered in memory and written once, at its end.
//
// Threading: the report's thread. Errors: as sqlite.h.

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <tuple>

#include "kontor/log.pb.h"
#include "kontor/payments.pb.h"
#include "kontor/refunds.pb.h"
#include "kontor/reporting/report.h"

namespace kontor::volumes {

class VolumeWriter final : public reporting::ReportWriter {
 public:
    explicit VolumeWriter(reporting::Database& database) : database_(database) {}
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<void> apply(const pb::AuditRecord& audit_record, const pb::Event& event) override;
    [[nodiscard]] Result<void> finish() override;
    void forget() override;

 private:
    // Of a minute; hours and days are added up at the end.
    using Counted = std::tuple<bool, std::int64_t, std::uint64_t, std::string_view, std::uint32_t,
                               std::string_view>;  // mode, minute, merchant, method, currency, status
    struct Count {
        std::int64_t count = 0, volume = 0;
    };
    Result<void> apply_intent(const pb::AuditRecord& audit_record, const pb::Event& event);
    Result<void> apply_refund(const pb::AuditRecord& audit_record, const pb::Refund& refund);
    Result<std::int64_t> put_refund(const pb::Refund& refund);  // its status before, -1: it is new
    Result<std::string_view> method_of_paid(std::uint64_t intent_no);
    void count(const pb::AuditRecord& audit_record, std::string_view method, std::uint32_t currency,
               std::string_view status, std::int64_t volume);

    reporting::Database& database_;
    reporting::Statement put_paid_, find_paid_, count_, find_refund_, put_refund_;
    std::map<Counted, Count> counts_;
};

}  // namespace kontor::volumes

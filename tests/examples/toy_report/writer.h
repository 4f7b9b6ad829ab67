#pragma once
// Counts customers by the day on which they came. What a transaction counts is written once, at its end.
//
// Threading: the report's thread. Errors: as sqlite.h.

#include <cstdint>
#include <map>
#include <tuple>

#include "kontor/reporting/report.h"

namespace kontor::toy_report {

class ArrivalWriter final : public reporting::ReportWriter {
 public:
    explicit ArrivalWriter(reporting::Database& database) : database_(database) {}
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] Result<void> apply(const pb::AuditRecord& audit_record, const pb::Event& event) override;
    [[nodiscard]] Result<void> finish() override;
    void forget() override { counts_.clear(); }

 private:
    reporting::Database& database_;
    reporting::Statement add_;
    std::map<std::tuple<bool, std::uint64_t, std::int64_t>, std::int64_t> counts_;  // mode, merchant, day
};

}  // namespace kontor::toy_report

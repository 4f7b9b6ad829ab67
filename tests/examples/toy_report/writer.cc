#include "examples/toy_report/writer.h"

#include "kontor/log.pb.h"

namespace kontor::toy_report {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;

}  // namespace

Result<void> ArrivalWriter::prepare() {
    KONTOR_TRY(add_,
               database_.prepare("INSERT INTO arrivals VALUES (?1,?2,?3,?4) ON CONFLICT "
                                 "(livemode, merchant_no, day_ms) DO UPDATE SET customers=customers+?4"));
    return {};
}

Result<void> ArrivalWriter::apply(const pb::AuditRecord& audit_record, const pb::Event& event) {
    if (event.type() == "customer.created")
        ++counts_[{audit_record.livemode(), audit_record.merchant_no(),
                   audit_record.time_ms() - audit_record.time_ms() % kDayMs}];
    return {};
}

Result<void> ArrivalWriter::finish() {
    for (const auto& [key, customers] : counts_) {
        const auto& [livemode, merchant_no, day_ms] = key;
        KONTOR_CHECK(add_.bind(1, std::int64_t{livemode})
                         .bind(2, merchant_no)
                         .bind(3, day_ms)
                         .bind(4, customers)
                         .run());
    }
    counts_.clear();
    return {};
}

}  // namespace kontor::toy_report

#include "examples/toy_report/toy_report.h"

#include "examples/toy_report/schema.h"
#include "examples/toy_report/writer.h"

namespace kontor::toy_report {

namespace {

class ArrivalReader final : public reporting::ReportReader {
 public:
    explicit ArrivalReader(std::unique_ptr<reporting::Database> database)
        : ReportReader(std::move(database)) {}
    [[nodiscard]] Result<void> prepare() {
        KONTOR_TRY(list_, database_->prepare("SELECT day_ms, customers FROM arrivals "
                                             "WHERE livemode=?1 AND merchant_no=?2 ORDER BY day_ms"));
        return {};
    }
    [[nodiscard]] Result<std::vector<Day>> list(bool livemode, std::uint64_t merchant_no) {
        list_.bind(1, std::int64_t{livemode}).bind(2, merchant_no);
        std::vector<Day> days;
        for (;;) {
            KONTOR_TRY(const bool more, list_.step());
            if (!more) break;
            days.push_back({list_.integer(0), list_.integer(1)});
        }
        list_.reset();
        return days;
    }

 private:
    reporting::Statement list_;
};

}  // namespace

const reporting::ReportSpec kReport{
    .name = "toy_report",
    .version = kVersion,
    .schema = kSchema,
    .open_writer = &reporting::open_writer<ArrivalWriter>,
    .open_reader = &reporting::open_reader<ArrivalReader>,
};

Result<std::vector<Day>> list(const reporting::Reports& reports, bool livemode, std::uint64_t merchant_no) {
    return reporting::read_report<ArrivalReader>(
        reports.of(kReport), [&](ArrivalReader& reader) { return reader.list(livemode, merchant_no); });
}

}  // namespace kontor::toy_report

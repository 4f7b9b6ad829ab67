#include "reports/volumes/volumes.h"

#include <map>
#include <utility>

#include "reports/volumes/schema.h"
#include "reports/volumes/writer.h"

namespace kontor::volumes {
namespace {

class VolumeReader final : public reporting::ReportReader {
 public:
    explicit VolumeReader(std::unique_ptr<reporting::Database> database)
        : ReportReader(std::move(database)) {}
    [[nodiscard]] Result<void> prepare() {
        KONTOR_TRY(list_, database_->prepare(
                              "SELECT start_ms, currency, status, sum(count), sum(volume) FROM volumes "
                              "WHERE bucket=?1 AND livemode=?2 AND start_ms>=?3 AND start_ms<?4 "
                              "GROUP BY start_ms, currency, status ORDER BY start_ms, currency"));
        return {};
    }
    [[nodiscard]] Result<std::vector<VolumeLine>> list(Bucket bucket, bool livemode, std::int64_t from_ms,
                                                       std::int64_t until_ms);

 private:
    reporting::Statement list_;
};

Result<std::vector<VolumeLine>> VolumeReader::list(Bucket bucket, bool livemode, std::int64_t from_ms,
                                                   std::int64_t until_ms) {
    list_.bind(1, std::int64_t{static_cast<std::uint8_t>(bucket)})
        .bind(2, std::int64_t{livemode})
        .bind(3, from_ms)
        .bind(4, until_ms);
    std::map<std::pair<std::int64_t, std::int64_t>, VolumeLine> lines;
    for (;;) {
        KONTOR_TRY(const bool more, list_.step());
        if (!more) break;
        VolumeLine& line = lines[{list_.integer(0), list_.integer(1)}];
        line.start_ms = list_.integer(0);
        line.currency = static_cast<std::uint16_t>(list_.integer(1));
        const std::string status = list_.text(2);
        const auto count = static_cast<std::uint64_t>(list_.integer(3));
        if (status == "succeeded") {
            line.succeeded += count;
            line.volume += list_.integer(4);
            line.payments += count;
        } else if (status == "failed") {
            line.failed += count;
            line.payments += count;
        }
    }
    list_.reset();
    std::vector<VolumeLine> out;
    for (auto& [key, line] : lines)
        if (line.payments > 0) out.push_back(line);
    return out;
}

}  // namespace

const reporting::ReportSpec kReport{
    .name = "volumes",
    .version = kVersion,
    .schema = kSchema,
    .open_writer = &reporting::open_writer<VolumeWriter>,
    .open_reader = &reporting::open_reader<VolumeReader>,
};

Result<std::vector<VolumeLine>> list(const reporting::Reports& reports, Bucket bucket, bool livemode,
                                     std::int64_t from_ms, std::int64_t until_ms) {
    return reporting::read_report<VolumeReader>(reports.of(kReport), [&](VolumeReader& reader) {
        return reader.list(bucket, livemode, from_ms, until_ms);
    });
}

}  // namespace kontor::volumes

#include "kontor/reporting/reports.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "kontor/base/assert.h"
#include "kontor/base/log.h"
#include "kontor/log.pb.h"
#include "report_impl.h"

namespace kontor::reporting {
namespace {

constexpr std::size_t kQueuedBytes = 64;  // of an entry, besides its audit records

class ReportsImpl final : public Reports {
 public:
    explicit ReportsImpl(ReportsOptions options) : options_(std::move(options)) {}
    ~ReportsImpl() override { stop(); }

    Result<void> start(std::span<const ReportSpec* const> specs) {
        std::error_code ec;
        std::filesystem::create_directories(options_.folder, ec);
        if (ec) return fail(ErrorCode::io, "cannot make " + options_.folder + ": " + ec.message());
        remove_strangers(specs);
        for (const ReportSpec* spec : specs) {
            reports_.push_back(
                std::make_unique<ReportImpl>(*spec, options_, options_.max_queue_bytes / specs.size()));
            reports_.back()->open();
        }
        options_.metrics->gauge("kontor_projection_log_index", "Log index that the reports stand for.",
                                [this] { return static_cast<double>(log_index()); });
        is_subscribed_ = true;
        subscription_ =
            options_.service->subscribe([this](const machine::AppliedEntry& entry) { enqueue(entry); });
        for (const auto& report : reports_) report->start();
        return {};
    }

    void stop() override {
        if (std::exchange(is_subscribed_, false)) options_.service->unsubscribe(subscription_);
        for (const auto& report : reports_) report->stop();
    }

    [[nodiscard]] std::uint64_t log_index() const override {
        std::uint64_t lowest = UINT64_MAX;
        for (const auto& report : reports_) lowest = std::min(lowest, report->log_index());
        return reports_.empty() ? 0 : lowest;
    }

    [[nodiscard]] Report& of(const ReportSpec& spec) const override {
        for (const auto& report : reports_)
            if (&report->spec() == &spec) return *report;
        KONTOR_ASSERT(false, "a report that was opened: is its line in modules/reports/REPORTS?");
        std::abort();
    }

    [[nodiscard]] const machine::Service& service() const override { return *options_.service; }

 private:
    // Reports of earlier versions, which nobody reads.
    void remove_strangers(std::span<const ReportSpec* const> specs) const {
        std::error_code ec;
        for (auto it = std::filesystem::directory_iterator(options_.folder, ec);
             !ec && it != std::filesystem::directory_iterator(); it.increment(ec)) {
            const std::string name = it->path().filename().string();
            const std::size_t dot = name.find(".sqlite");
            if (dot == std::string::npos) continue;
            const bool is_known = std::any_of(specs.begin(), specs.end(), [&](const ReportSpec* spec) {
                return spec->name.value == std::string_view(name).substr(0, dot);
            });
            std::error_code ignored;
            if (!is_known && std::filesystem::remove(it->path(), ignored))
                log::info("reporting", "event=report_removed file=" + it->path().string());
        }
    }

    // On the node's apply thread.
    void enqueue(const machine::AppliedEntry& entry) {
        Queued queued{entry.audit_records, entry.log_index, kQueuedBytes};
        for (const pb::AuditRecord& audit_record : *entry.audit_records)
            queued.bytes += memory_of(audit_record);
        for (const auto& report : reports_) report->enqueue(queued, entry.is_gap);
    }

    const ReportsOptions options_;
    std::vector<std::unique_ptr<ReportImpl>> reports_;
    std::uint64_t subscription_ = 0;
    bool is_subscribed_ = false;
};

}  // namespace

Result<std::unique_ptr<Reports>> Reports::open(ReportsOptions options,
                                               std::span<const ReportSpec* const> specs) {
    auto reports = std::make_unique<ReportsImpl>(std::move(options));
    KONTOR_CHECK(reports->start(specs));
    return Result<std::unique_ptr<Reports>>(std::move(reports));
}

}  // namespace kontor::reporting

#pragma once
// All reports of a node. Each has a thread that writes and remembers the log index it stands for,
// and catches up from the audit records after a restart.
//
// Threading: one writer thread a report; queries anywhere. Ownership: the service outlives it; specs are
// constants. Errors: a broken file is dropped and made again, with a log line; files of reports that there
// are not any more are removed at the start. Limits: the audit records that wait are bounded; what comes
// above is read from the store once they are written.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/machine/service.h"
#include "kontor/reporting/report.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::reporting {

struct ReportsOptions {
    std::string folder;
    machine::Service* service = nullptr;
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    std::uint64_t max_queue_bytes = 32ULL
                                    << 20;  // of all reports: audit records that wait, or are being written
    std::uint64_t query_timeout_ms = 2'000;
    // The last entry that the node has at the start. A report of more stands for entries that are gone (the
    // ledger was put back from a copy), and is made again.
    std::uint64_t last_log_index = UINT64_MAX;
};

class Reports {
 public:
    static Result<std::unique_ptr<Reports>> open(ReportsOptions options,
                                                 std::span<const ReportSpec* const> specs);
    virtual ~Reports() = default;  // stops the writers
    virtual void stop() = 0;

    // The lowest of all.
    [[nodiscard]] virtual std::uint64_t log_index() const = 0;
    // It must be one of those that were opened.
    [[nodiscard]] virtual Report& of(const ReportSpec& spec) const = 0;
    // For names that a report does not keep.
    [[nodiscard]] virtual const machine::Service& service() const = 0;
};

}  // namespace kontor::reporting

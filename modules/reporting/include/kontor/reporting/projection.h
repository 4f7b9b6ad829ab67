#pragma once
// The reporting projection: committed events in SQLite (WAL), for lists, search and roll-ups (DESIGN 11).
// Nothing decides about money from it. It remembers the log index it stands for, catches up from the journals
// after a restart, and can be dropped and rebuilt at any time.
//
// Threading: one writer thread of its own; queries anywhere, on a bounded pool of read connections.
// Ownership: the service outlives it. Errors: a broken database file is dropped and rebuilt, with a log line.
// Limits: the journal queue is bounded; what comes above is read from the store once the queue is written. A
// query that takes longer than query_timeout_ms ends with timeout.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/machine/service.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::reporting {

struct ProjectionOptions {
    std::string folder;
    machine::Service* service = nullptr;
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    std::uint64_t max_queue_bytes = 32ULL << 20;
    std::uint64_t query_timeout_ms = 2'000;
};

struct PaymentRow {
    std::uint64_t intent_no = 0, merchant_no = 0, customer_no = 0;
    bool livemode = false;
    std::int64_t created_ms = 0, amount = 0, amount_refunded = 0;
    std::uint16_t currency = 0;
    std::string status, method, method_detail, customer_name, description, merchant_name, failure_code;
};

struct PaymentQuery {
    bool livemode = false;
    std::vector<std::string> statuses;
    std::uint16_t currency = 0;     // 0: any
    std::uint64_t merchant_no = 0;  // 0: any
    std::uint64_t customer_no = 0;
    std::string text;                                    // FTS5 trigram; below three characters LIKE
    std::int64_t created_gte_ms = 0, created_lt_ms = 0;  // 0: open
    std::optional<std::int64_t> amount_gte, amount_lte;
    std::string cursor;      // opaque, of the previous page
    std::size_t limit = 25;  // 1..100
};
struct PaymentPage {
    std::vector<PaymentRow> rows;  // newest first
    std::string next_cursor;       // "" at the end
};

struct RollupLine {
    std::int64_t start_ms = 0;  // of the hour or day, UTC
    std::uint16_t currency = 0;
    std::int64_t volume = 0;  // succeeded, minor units
    std::uint64_t payments = 0, succeeded = 0, failed = 0;
};
enum class Bucket : std::uint8_t { minute, hour, day };

class Projection {
 public:
    static Result<std::unique_ptr<Projection>> open(ProjectionOptions options);
    virtual ~Projection() = default;  // stops the writer
    virtual void stop() = 0;

    [[nodiscard]] virtual std::uint64_t log_index() const = 0;
    [[nodiscard]] virtual Result<PaymentPage> payments(const PaymentQuery& query) const = 0;
    [[nodiscard]] virtual Result<std::optional<PaymentRow>> payment(bool livemode,
                                                                    std::uint64_t intent_no) const = 0;
    // Sums over all merchants and channels, oldest first.
    [[nodiscard]] virtual Result<std::vector<RollupLine>> rollups(Bucket bucket, bool livemode,
                                                                  std::int64_t from_ms,
                                                                  std::int64_t until_ms) const = 0;

    // Called on the writer thread after each committed transaction; keep it short.
    using OnChange = std::function<void(const std::vector<PaymentRow>& changed)>;
    virtual std::uint64_t subscribe(OnChange on_change) = 0;
    virtual void unsubscribe(std::uint64_t subscription) = 0;
};

}  // namespace kontor::reporting

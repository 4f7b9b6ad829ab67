#pragma once
// Report: the list of payments, for people who look for one. Newest first, by status, merchant, customer,
// currency, amount, time and words.
//
// Threading: any. Errors: invalid_argument for a query beyond its limits, timeout, and as sqlite.h.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/reporting/reports.h"

namespace kontor::payment_list {

extern const reporting::ReportSpec kReport;

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

[[nodiscard]] Result<PaymentPage> list(const reporting::Reports& reports, const PaymentQuery& query);
[[nodiscard]] Result<std::optional<PaymentRow>> find(const reporting::Reports& reports, bool livemode,
                                                     std::uint64_t intent_no);

// Called on the report's thread after each transaction, with what it changed, at most 100; keep it short.
using OnChange = std::function<void(const std::vector<PaymentRow>& changed)>;
std::uint64_t subscribe(const reporting::Reports& reports, OnChange on_change);
void unsubscribe(const reporting::Reports& reports, std::uint64_t subscription);

}  // namespace kontor::payment_list

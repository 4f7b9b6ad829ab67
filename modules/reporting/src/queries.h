#pragma once
// The projection's reads: one object a read connection, taken from a small pool.
//
// Threading: one thread at a time each. Errors: as sqlite.h. Limits: PaymentQuery's; `limit_ms` a query.

#include "kontor/reporting/projection.h"
#include "sqlite.h"

namespace kontor::reporting {

class QueryConnection {
 public:
    static Result<std::unique_ptr<QueryConnection>> open(const std::string& path);
    void limit_time(const Clock& clock, std::uint64_t limit_ms) { database_->limit_time(clock, limit_ms); }
    [[nodiscard]] Result<PaymentPage> payments(const PaymentQuery& query);
    [[nodiscard]] Result<std::optional<PaymentRow>> payment(bool livemode, std::uint64_t intent_no);
    [[nodiscard]] Result<std::vector<RollupLine>> rollups(Bucket bucket, bool livemode, std::int64_t from_ms,
                                                          std::int64_t until_ms);

 private:
    std::unique_ptr<Database> database_;
    Statement payment_, rollups_;
};

}  // namespace kontor::reporting

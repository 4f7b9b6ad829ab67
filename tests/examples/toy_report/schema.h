#pragma once
// The report's tables. The number goes up with every change: a file of another version is made again.

#include <cstdint>
#include <string_view>

namespace kontor::toy_report {

inline constexpr std::int64_t kVersion = 1;

inline constexpr std::string_view kSchema = R"sql(
CREATE TABLE arrivals (
    livemode INTEGER NOT NULL, merchant_no INTEGER NOT NULL, day_ms INTEGER NOT NULL, customers INTEGER NOT NULL,
    PRIMARY KEY (livemode, merchant_no, day_ms)) STRICT, WITHOUT ROWID;
)sql";

}  // namespace kontor::toy_report

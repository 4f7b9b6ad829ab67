#pragma once
// The volumes' tables. The number goes up with every change: a file of another version is made again.
//
// Volumes count events, each once: `created` (a payment intent was made), `succeeded` (volume: amount
// received), `failed` (an attempt was declined; volume: the amount), `canceled`, `refunded` (volume: the
// refund's amount). Several events show a refund that succeeded; it is counted when its status becomes that,
// so its last status is kept. A refund counts with the method that its payment was paid with.

#include <cstdint>
#include <string_view>

namespace kontor::volumes {

inline constexpr std::int64_t kVersion = 1;

inline constexpr std::string_view kSchema = R"sql(
CREATE TABLE paid (intent_no INTEGER PRIMARY KEY, method TEXT NOT NULL) STRICT;
CREATE TABLE refunds (refund_no INTEGER PRIMARY KEY, status INTEGER NOT NULL) STRICT;
CREATE TABLE volumes (
    bucket INTEGER NOT NULL, livemode INTEGER NOT NULL, start_ms INTEGER NOT NULL, merchant_no INTEGER NOT NULL,
    method TEXT NOT NULL, currency INTEGER NOT NULL, status TEXT NOT NULL, count INTEGER NOT NULL,
    volume INTEGER NOT NULL,
    PRIMARY KEY (bucket, livemode, start_ms, merchant_no, method, currency, status)) STRICT, WITHOUT ROWID;
)sql";

}  // namespace kontor::volumes

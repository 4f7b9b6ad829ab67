#pragma once
// Webhook deliveries: written with the event, tried by the outbox worker, with back-off for three days.

#include "context.h"

namespace kontor::payments {

[[nodiscard]] bool wants(const pb::WebhookEndpoint& endpoint, std::string_view event_type);
void new_delivery(Context& context, Scope scope, std::uint64_t endpoint_no, std::uint64_t event_no);
// An endpoint that was disabled or deleted: ends its pending deliveries, at most `limit`; how many it ended.
[[nodiscard]] std::size_t stop_deliveries(Context& context, std::string_view payload, std::size_t limit);
// After the `tries`-th failure: 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, then 6 h each, plus up to a
// fifth of it, derived from the delivery's number, so that a receiver's recovery is not met by a wave.
[[nodiscard]] std::int64_t webhook_back_off_ms(std::uint64_t delivery_no, std::uint32_t tries);

}  // namespace kontor::payments

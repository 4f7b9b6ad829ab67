#pragma once
// Webhook endpoints, and deliveries: written with the event, tried by the outbox worker, with back-off for
// three days.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/json/fields.h"
#include "kontor/machine/links.h"
#include "kontor/machine/page.h"
#include "kontor/webhooks.pb.h"

namespace kontor::webhooks {

// A deleted endpoint is absent.
[[nodiscard]] std::optional<pb::WebhookEndpoint> find_webhook_endpoint(const store::Reader&, machine::Scope,
                                                                       std::uint64_t no);
[[nodiscard]] std::optional<pb::WebhookDelivery> find_delivery(const store::Reader&, std::uint64_t no);
// Newest first.
[[nodiscard]] machine::Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader&,
                                                                          machine::Scope,
                                                                          const machine::ListQuery&);
[[nodiscard]] machine::Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader&,
                                                                          machine::Scope,
                                                                          const machine::ListQuery&,
                                                                          machine::Bound&);
// The outbox: what is due now or later, oldest first, behind `after`.
[[nodiscard]] std::vector<machine::Due> due_deliveries(const store::Reader&, std::int64_t until_ms,
                                                       std::size_t limit, machine::Due after = {});
// Deliveries of an endpoint that are not at their end, due or not, in the order of their numbers.
[[nodiscard]] std::vector<std::uint64_t> pending_deliveries(const store::Reader&, machine::Scope,
                                                            std::uint64_t endpoint_no, std::uint64_t after_no,
                                                            std::size_t limit);
// All deliveries of the events of one payment: for its page.
[[nodiscard]] std::vector<pb::WebhookDelivery> deliveries_of_event(const store::Reader&, machine::Scope,
                                                                   std::uint64_t event_no);
extern const fields::Shape kEndpointShape;
// `secret`: only in the answer of its creation.
[[nodiscard]] std::string webhook_endpoint_json(const pb::WebhookEndpoint&, std::string_view secret = {});
// After the `tries`-th failure: 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, then 6 h each, plus up to a
// fifth of it, derived from the delivery's number, so that a receiver's recovery is not met by a wave.
[[nodiscard]] std::int64_t webhook_back_off_ms(std::uint64_t delivery_no, std::uint32_t tries);

}  // namespace kontor::webhooks

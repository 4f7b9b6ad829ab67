#pragma once
// Commands of webhook endpoints, what the workers report of deliveries, and the frame's announcements.

#include <cstddef>
#include <string_view>

#include "kontor/machine/context.h"
#include "kontor/webhooks.pb.h"

namespace kontor::webhooks {

pb::Result create_webhook_endpoint(machine::Context& context, const pb::CreateWebhookEndpoint& wanted);
pb::Result update_webhook_endpoint(machine::Context& context, const pb::UpdateWebhookEndpoint& wanted);
pb::Result delete_webhook_endpoint(machine::Context& context, const pb::DeleteWebhookEndpoint& wanted);
pb::Result webhook_attempted(machine::Context& context, const pb::WebhookAttempted& wanted);

// A delivery row for each endpoint that wants an event, in the same entry as the event.
void announce(machine::Context& context, machine::Scope scope, pb::AuditRecord& audit_record,
              const pb::ScopeHead& head);
// An endpoint that was disabled or deleted: ends its pending deliveries, at most `limit`; how many it ended.
[[nodiscard]] std::size_t stop_deliveries(machine::Context& context, machine::DueClock clock,
                                          std::string_view payload, std::size_t limit);

}  // namespace kontor::webhooks

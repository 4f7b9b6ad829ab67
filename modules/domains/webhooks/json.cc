#include <array>

#include "domains/webhooks/ids.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/machine/fields.h"

namespace kontor::webhooks {

namespace {

using fields::Absent;
using pb::WebhookEndpoint;

struct View {
    const WebhookEndpoint& row;
    std::string_view secret;
};
void each_event(const View& view, const fields::EachText& each) {
    for (const std::string& type : view.row.enabled_events()) each(type);
}
constexpr std::array<std::string_view, 2> kStatuses = {"enabled", "disabled"};

using Row = fields::Field<View>;
constexpr std::array kEndpoint = {
    Row{"id", fields::id<&WebhookEndpoint::no>(prefix::webhook_endpoint), Absent::never},
    Row{"object", fields::constant("webhook_endpoint"), Absent::never},
    Row{"api_version", fields::text<&WebhookEndpoint::api_version>(), Absent::null},
    Row{"application", fields::null(), Absent::never},
    Row{"created", fields::timestamp<&WebhookEndpoint::created_ms>(), Absent::never},
    Row{"description", fields::text<&WebhookEndpoint::description>(), Absent::null, "For your own use."},
    Row{"enabled_events", fields::texts<&each_event>(), Absent::never, "Event types, or * for all of them."},
    Row{"livemode", fields::boolean<&WebhookEndpoint::livemode>(), Absent::never},
    Row{"metadata", fields::metadata(), Absent::never},
    Row{"secret", fields::text<&View::secret>(), Absent::left_out,
        "What deliveries are signed with; only in the answer of its creation."},
    Row{"status", fields::word<kStatuses, &WebhookEndpoint::disabled>(), Absent::never},
    Row{"url", fields::text<&WebhookEndpoint::url>(), Absent::never},
};

}  // namespace

constinit const fields::Shape kEndpointShape = fields::shape<kEndpoint>("webhook_endpoint");

std::string webhook_endpoint_json(const WebhookEndpoint& endpoint, std::string_view secret) {
    if (endpoint.deleted())
        return machine::deleted_json("webhook_endpoint", prefix::webhook_endpoint, endpoint.no());
    return machine::render_object<kEndpoint>(View{endpoint, secret}, machine::parts::kUsualObjectBytes / 2);
}

}  // namespace kontor::webhooks

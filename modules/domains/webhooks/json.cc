#include "domains/webhooks/webhooks.h"

#include "domains/webhooks/ids.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/json_parts.h"

namespace kontor::webhooks {

using namespace machine;  // the frame's words

std::string webhook_endpoint_json(const pb::WebhookEndpoint& endpoint, std::string_view secret) {
    std::string out;
    out.reserve(parts::kUsualObjectBytes / 2);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::webhook_endpoint, endpoint.no())).field("object", "webhook_endpoint");
    if (endpoint.deleted()) {
        json.field_boolean("deleted", true).end_object();
        return out;
    }
    json.field_or_null("api_version", endpoint.api_version()).field_null("application");
    json.field_integer("created", parts::seconds(endpoint.created_ms()));
    json.field_or_null("description", endpoint.description());
    json.key("enabled_events").begin_array();
    for (const std::string& type : endpoint.enabled_events()) json.string(type);
    json.end_array();
    json.field_boolean("livemode", endpoint.livemode());
    parts::metadata(json, endpoint.metadata());
    if (!secret.empty()) json.field("secret", secret);
    json.field("status", endpoint.disabled() ? "disabled" : "enabled").field("url", endpoint.url());
    json.end_object();
    return out;
}

}  // namespace kontor::webhooks

// Customers and webhook endpoints.
#include "json_parts.h"
#include "kontor/base/object_id.h"

namespace kontor::payments {

std::string customer_json(const pb::Customer& customer, const Expansion& /*expansion*/) {
    std::string out;
    out.reserve(parts::kUsualObjectBytes / 2);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::customer, customer.no())).field("object", "customer");
    if (customer.deleted()) {
        json.field_boolean("deleted", true).end_object();
        return out;
    }
    json.field_null("address").field_integer("balance", 0);
    json.field_integer("created", parts::seconds(customer.created_ms()));
    json.field_null("currency").field_null("customer_account").field_null("default_source");
    json.field_boolean("delinquent", false);
    json.field_or_null("description", customer.description()).field_null("discount");
    json.field_or_null("email", customer.email()).field_null("invoice_prefix");
    json.field_raw(
        "invoice_settings",
        R"({"custom_fields":null,"default_payment_method":null,"footer":null,"rendering_options":null})");
    json.field_boolean("livemode", customer.livemode());
    parts::metadata(json, customer.metadata());
    json.field_or_null("name", customer.name()).field_or_null("phone", customer.phone());
    json.field_raw("preferred_locales", "[]").field_null("shipping");
    json.field("tax_exempt", "none").field_null("test_clock");
    json.end_object();
    return out;
}

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

}  // namespace kontor::payments

#include "domains/customers/customers.h"

#include "domains/customers/ids.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/json_parts.h"

namespace kontor::customers {

using namespace machine;  // the frame's words

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

}  // namespace kontor::customers

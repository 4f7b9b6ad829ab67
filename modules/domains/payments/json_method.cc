#include "domains/payments/json_method.h"

#include "domains/payments/methods.h"

#include "domains/customers/ids.h"
#include "kontor/machine/json_parts.h"

namespace kontor::payments::parts {
namespace {

void address(JsonWriter& json) {
    json.key("address").begin_object();
    for (const std::string_view line : {"city", "country", "line1", "line2", "postal_code", "state"}) {
        json.field_null(line);
    }
    json.end_object();
}

void checks(JsonWriter& json) {
    json.key("checks").begin_object();
    json.field_null("address_line1_check").field_null("address_postal_code_check").field_null("cvc_check");
    json.end_object();
}

}  // namespace

void billing_details(JsonWriter& json) {
    json.key("billing_details").begin_object();
    address(json);
    json.field_null("email").field_null("name").field_null("phone").field_null("tax_id");
    json.end_object();
}

void method_object(JsonWriter& json, const pb::PaymentMethod& method, std::uint64_t customer_no,
                   std::int64_t created_ms, bool livemode) {
    const Method& record = record_of(method);
    json.begin_object();
    json.field("id", method.token())
        .field("object", "payment_method")
        .field("allow_redisplay", "unspecified");
    billing_details(json);
    json.key(record.type.value);
    record.write.value(json, method);
    json.field_integer("created", machine::parts::seconds(created_ms));
    machine::parts::field_id_or_null(json, "customer", customers::prefix::customer, customer_no);
    json.field_null("customer_account").field_boolean("livemode", livemode);
    json.key("metadata").begin_object().end_object();
    json.field("type", record.type.value);
    json.end_object();
}

void method_details(JsonWriter& json, const pb::PaymentMethod& method, std::int64_t amount_authorized) {
    if (!is_set(method)) {
        json.field_null("payment_method_details");
        return;
    }
    const Method& record = record_of(method);
    json.key("payment_method_details").begin_object();
    json.key(record.type.value);
    record.details.value(json, method, amount_authorized);
    json.field("type", record.type.value);
    json.end_object();
}

void destination_details(JsonWriter& json, const pb::PaymentMethod& method, bool is_done) {
    if (!is_set(method)) return;
    const Method& record = record_of(method);
    json.key("destination_details").begin_object();
    if (record.destination.value != nullptr) {
        json.key(record.type.value);
        record.destination.value(json, is_done);
    }
    json.field("type", record.type.value);
    json.end_object();
}

void card(JsonWriter& json, const pb::PaymentMethod& method) {
    json.begin_object();
    json.field("brand", method.brand());
    checks(json);
    json.field_or_null("country", method.country()).field("display_brand", method.brand());
    json.field_integer("exp_month", method.exp_month()).field_integer("exp_year", method.exp_year());
    json.field_null("fingerprint").field("funding", method.funding()).field_null("generated_from");
    json.field("last4", method.last4());
    json.key("networks").begin_object();
    json.key("available").begin_array().string(method.brand()).end_array().field_null("preferred");
    json.end_object();
    json.field_null("regulated_status").field_null("three_d_secure_usage").field_null("wallet");
    json.end_object();
}

void card_details(JsonWriter& json, const pb::PaymentMethod& method, std::int64_t amount_authorized) {
    json.begin_object();
    json.field_integer("amount_authorized", amount_authorized).field_null("authorization_code");
    json.field("brand", method.brand());
    checks(json);
    json.field_or_null("country", method.country()).field_null("electronic_commerce_indicator");
    json.field_integer("exp_month", method.exp_month()).field_integer("exp_year", method.exp_year());
    json.field_null("fingerprint").field("funding", method.funding()).field_null("installments");
    json.field("last4", method.last4()).field_null("mandate").field("network", method.brand());
    json.field_null("network_transaction_id").field_null("regulated_status").field_null("three_d_secure");
    json.field_null("transaction_link_id").field_null("wallet");
    json.end_object();
}

void card_destination(JsonWriter& json, bool is_done) {
    json.begin_object();
    json.field("reference_status", is_done ? "available" : "pending");
    json.field("reference_type", "acquirer_reference_number").field("type", "refund");
    json.end_object();
}

void wallet(JsonWriter& json, const pb::PaymentMethod& /*method*/) {
    json.begin_object().end_object();
}
void wallet_details(JsonWriter& json, const pb::PaymentMethod& /*method*/,
                    std::int64_t /*amount_authorized*/) {
    json.begin_object().end_object();
}

}  // namespace kontor::payments::parts

#include "domains/payments/payments.h"

#include "domains/balances/ids.h"
#include "domains/customers/ids.h"
#include "domains/payments/ids.h"
#include "domains/payments/json_method.h"
#include "domains/payments/methods.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/json_parts.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

namespace {

void last_payment_error(JsonWriter& json, const pb::PaymentIntent& intent) {
    if (!intent.has_last_payment_error()) {
        json.field_null("last_payment_error");
        return;
    }
    const pb::PaymentError& error = intent.last_payment_error();
    json.key("last_payment_error").begin_object();
    if (intent.latest_charge_no() != 0)
        json.field("charge", format_id(prefix::charge, intent.latest_charge_no()));
    json.field("code", error.code());
    if (!error.decline_code().empty()) json.field("decline_code", error.decline_code());
    json.field("message", error.message());
    if (!error.param().empty()) json.field("param", error.param());
    // A failed method is taken off the intent; the error remembers it.
    const bool taken_off = is_set(intent.failed_payment_method());
    const pb::PaymentMethod& method = taken_off ? intent.failed_payment_method() : intent.payment_method();
    if (is_set(method)) {
        json.key("payment_method");
        payments::parts::method_object(json, method, intent.customer_no(), intent.created_ms(),
                                       intent.livemode());
    }
    json.field("type", error.type().empty() ? "card_error" : std::string_view(error.type()));
    json.end_object();
}

// No list of types in the record: whatever the platform offers in this mode, chosen automatically.
void method_types(JsonWriter& json, const pb::PaymentIntent& intent) {
    json.key("payment_method_types").begin_array();
    for (const std::string& type : intent.payment_method_types()) json.string(type);
    if (intent.payment_method_types().empty()) {
        for (const Method& method : kMethods)
            if (is_offered(method, intent.livemode())) json.string(method.type.value);
    }
    json.end_array();
}

void next_action(JsonWriter& json, const pb::PaymentIntent& intent) {
    if (!intent.has_next_action()) {
        json.field_null("next_action");
        return;
    }
    const pb::NextAction& action = intent.next_action();
    json.key("next_action").begin_object();
    if (!action.redirect_url().empty()) {
        json.key("redirect_to_url").begin_object();
        json.field_or_null("return_url", intent.return_url()).field("url", action.redirect_url());
        json.end_object();
        json.field("type", "redirect_to_url");
    } else {
        json.key("display_qr_code").begin_object();
        json.field("data", action.qr_data());
        if (action.expires_ms() != 0) {
            json.field_integer("expires_at", machine::parts::seconds(action.expires_ms()));
        } else {
            json.field_null("expires_at");
        }
        json.end_object();
        json.field("type", "display_qr_code");
    }
    json.end_object();
}

void method_reference(JsonWriter& json, const pb::PaymentIntent& intent, const Expansion& expansion) {
    if (!is_set(intent.payment_method())) {
        json.field_null("payment_method");
    } else if (machine::parts::names(expansion, "payment_method")) {
        json.key("payment_method");
        payments::parts::method_object(json, intent.payment_method(), intent.customer_no(),
                                       intent.created_ms(), intent.livemode());
    } else {
        json.field("payment_method", intent.payment_method().token());
    }
}

}  // namespace

std::string intent_json(const pb::PaymentIntent& intent, const Expansion& expansion) {
    std::string out;
    out.reserve(machine::parts::kUsualObjectBytes);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::intent, intent.no())).field("object", "payment_intent");
    json.field_null("allowed_payment_method_types");
    json.field_integer("amount", intent.amount())
        .field_integer("amount_capturable", intent.amount_capturable());
    json.field_raw("amount_details", R"({"tip":{}})");
    json.field_integer("amount_received", intent.amount_received());
    json.field_null("application").field_null("application_fee_amount");
    json.field_raw("automatic_payment_methods", intent.payment_method_types().empty()
                                                    ? R"({"allow_redirects":"always","enabled":true})"
                                                    : "null");
    if (intent.canceled_ms() != 0) {
        json.field_integer("canceled_at", machine::parts::seconds(intent.canceled_ms()));
    } else {
        json.field_null("canceled_at");
    }
    json.field_or_null("cancellation_reason", intent.cancellation_reason());
    json.field("capture_method", intent.manual_capture() ? "manual" : "automatic");
    json.field_or_null("client_secret", intent.client_secret());
    json.field("confirmation_method", intent.manual_confirmation() ? "manual" : "automatic");
    json.field_integer("created", machine::parts::seconds(intent.created_ms()));
    json.field("currency", machine::parts::currency_code(intent.currency()));
    machine::parts::reference(json, "customer", pb::kCustomerFieldNumber, customers::prefix::customer,
                              intent.customer_no(), expansion);
    json.field_null("customer_account").field_or_null("description", intent.description());
    json.field_null("excluded_payment_method_types").field_null("invoice");
    last_payment_error(json, intent);
    machine::parts::reference(json, "latest_charge", pb::kChargeFieldNumber, prefix::charge,
                              intent.latest_charge_no(), expansion);
    json.field_boolean("livemode", intent.livemode()).field_null("managed_payments");
    machine::parts::metadata(json, intent.metadata());
    next_action(json, intent);
    json.field_null("on_behalf_of");
    method_reference(json, intent, expansion);
    json.field_null("payment_method_configuration_details").field_raw("payment_method_options", "{}");
    method_types(json, intent);
    json.field_null("payment_record").field_null("processing");
    json.field_or_null("receipt_email", intent.receipt_email()).field_null("review");
    json.field_or_null("setup_future_usage", intent.setup_future_usage());
    json.field_null("shipping").field_null("source");
    json.field_or_null("statement_descriptor", intent.statement_descriptor());
    json.field_null("statement_descriptor_suffix").field("status", status_name(intent.status()));
    json.field_null("transfer_data").field_null("transfer_group");
    json.end_object();
    return out;
}

}  // namespace kontor::payments

// Schemas of the objects, inferred from what the renderers write for an empty and for a full record: a field
// that the API gains appears in the description by itself.
#include <rapidjson/document.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <vector>

#include "domains/all.h"
#include "domains/balances/balances.h"
#include "domains/customers/customers.h"
#include "domains/payments/payments.h"
#include "domains/refunds/refunds.h"
#include "domains/webhooks/webhooks.h"
#include "errors.h"
#include "kontor/accounts.pb.h"
#include "kontor/balances.pb.h"
#include "kontor/base/assert.h"
#include "kontor/bodies.h"
#include "kontor/customers.pb.h"
#include "kontor/json/writer.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/expand.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds.pb.h"
#include "kontor/webhooks.pb.h"
#include "openapi.h"
#include "openapi_ledger.h"
#include "render.h"

namespace kontor::api {

namespace {

using rapidjson::Value;
using Samples = std::vector<const Value*>;

constexpr std::uint32_t kEuro = 978;

std::string_view type_of(const Value& value) {
    if (value.IsNull()) return "null";
    if (value.IsBool()) return "boolean";
    if (value.IsString()) return "string";
    if (value.IsArray()) return "array";
    if (value.IsObject()) return "object";
    return "integer";
}

void infer(JsonWriter& json, const Samples& samples, std::string_view kind, const std::string& path);

void infer_object(JsonWriter& json, const Samples& objects, std::string_view kind, const std::string& path) {
    std::map<std::string, Samples> fields;
    for (const Value* object : objects) {
        for (const auto& member : object->GetObject())
            fields[member.name.GetString()].push_back(&member.value);
    }
    // Keys of one's own, not fields of the object.
    const bool free_keys = path.ends_with("metadata") || (kind == "cash_balance" && path == "available");
    if (free_keys) {
        json.key("additionalProperties").begin_object();
        json.field("type", path.ends_with("metadata") ? "string" : "integer").end_object();
        return;
    }
    json.key("properties").begin_object();
    for (const auto& [name, values] : fields) {
        json.key(name);
        infer(json, values, kind, path.empty() ? name : path + "." + name);
    }
    json.end_object();
    json.key("required").begin_array();
    for (const auto& [name, values] : fields) {
        if (values.size() == objects.size()) json.string(name);
    }
    json.end_array();
}

void infer(JsonWriter& json, const Samples& samples, std::string_view kind, const std::string& path) {
    std::vector<std::string_view> types;
    Samples objects;
    Samples elements;
    for (const Value* sample : samples) {
        const std::string_view type = type_of(*sample);
        if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
        if (sample->IsObject()) objects.push_back(sample);
        if (sample->IsArray()) {
            for (const Value& element : sample->GetArray()) elements.push_back(&element);
        }
    }
    json.begin_object();
    if (machine::is_expandable(domains::registry(), kind, path)) {
        json.field("description", "Expandable.");
        if (std::find(types.begin(), types.end(), "object") == types.end()) types.push_back("object");
    }
    if (types.size() == 1) {
        json.field("type", types.front());
    } else {
        std::sort(types.begin(), types.end());
        json.key("type").begin_array();
        for (const std::string_view type : types) json.string(type);
        json.end_array();
    }
    if (!objects.empty()) infer_object(json, objects, kind, path);
    if (!elements.empty()) {
        json.key("items");
        infer(json, elements, kind, path + "[]");
    }
    json.end_object();
}

template <typename Record>
void common_fields(Record& record) {
    record.set_no(1);
    record.set_created_ms(1);
    pb::Pair* pair = record.add_metadata();
    pair->set_key("order");
    pair->set_value("6735");
}

pb::PaymentMethod card() {
    pb::PaymentMethod method;
    method.set_kind(pb::METHOD_CARD);
    method.set_token("pm_card_visa");
    method.set_brand("visa");
    method.set_last4("4242");
    method.set_country("US");
    method.set_funding("credit");
    return method;
}

pb::PaymentMethod wallet() {
    pb::PaymentMethod method;
    method.set_kind(pb::METHOD_WALLET);
    method.set_token("pm_wallet");
    return method;
}

pb::PaymentError failure() {
    pb::PaymentError error;
    error.set_type("card_error");
    error.set_code("card_declined");
    error.set_decline_code("generic_decline");
    error.set_message("Your card was declined.");
    return error;
}

pb::Customer full_customer() {
    pb::Customer row;
    common_fields(row);
    row.set_name("Ada");
    row.set_email("ada@example.com");
    row.set_phone("+4912345");
    row.set_description("…");
    return row;
}

pb::PaymentIntent intent(bool full) {
    pb::PaymentIntent row;
    row.set_currency(kEuro);
    if (!full) return row;
    common_fields(row);
    row.set_customer_no(1);
    row.set_description("…");
    *row.mutable_payment_method() = card();
    row.add_payment_method_types("card");
    row.set_receipt_email("ada@example.com");
    row.set_statement_descriptor("SHOP");
    row.set_client_secret("…");
    row.set_canceled_ms(1);
    row.set_cancellation_reason("abandoned");
    row.set_latest_charge_no(1);
    *row.mutable_last_payment_error() = failure();
    row.set_setup_future_usage("off_session");
    return row;
}

pb::Charge charge(bool full) {
    pb::Charge row;
    row.set_currency(kEuro);
    if (!full) return row;
    common_fields(row);
    row.set_intent_no(1);
    row.set_customer_no(1);
    row.set_status(pb::CHARGE_SUCCEEDED);
    row.set_description("…");
    *row.mutable_payment_method() = card();
    *row.mutable_failure() = failure();
    row.set_balance_transaction_no(1);
    row.set_statement_descriptor("SHOP");
    row.set_receipt_email("ada@example.com");
    return row;
}

pb::Charge wallet_charge() {
    pb::Charge row = charge(true);
    *row.mutable_payment_method() = wallet();
    row.set_status(pb::CHARGE_FAILED);
    return row;
}

pb::Refund refund(bool full) {
    pb::Refund row;
    row.set_currency(kEuro);
    row.set_status(pb::REFUND_SUCCEEDED);
    if (!full) return row;
    common_fields(row);
    row.set_charge_no(1);
    row.set_intent_no(1);
    row.set_customer_no(1);
    row.set_status(pb::REFUND_FAILED);
    row.set_reason("duplicate");
    row.set_balance_transaction_no(1);
    row.set_failure_balance_transaction_no(1);
    *row.mutable_payment_method() = card();
    return row;
}

pb::BalanceTransaction balance_transaction(bool full) {
    pb::BalanceTransaction row;
    row.set_currency(kEuro);
    row.set_type("charge");
    if (!full) return row;
    row.set_no(1);
    row.set_source_id("ch_00000000001");
    row.set_fee(1);
    row.set_description("…");
    return row;
}

pb::WebhookEndpoint endpoint() {
    pb::WebhookEndpoint row;
    common_fields(row);
    row.add_enabled_events("*");
    row.set_description("…");
    row.set_api_version(std::string(machine::kApiVersion));
    return row;
}

pb::Merchant merchant() {
    pb::Merchant row;
    row.set_name("Shop");
    row.set_country("DE");
    row.set_default_currency("eur");
    return row;
}

std::string event(bool full) {
    pb::Journal journal;
    pb::Event row;
    row.set_type("payment_intent.succeeded");
    *mutable_object(row, pb::payment_intent) = intent(true);
    if (full) {
        row.set_previous_attributes_json("{}");
        journal.set_request_id("req_…");
        journal.set_idempotency_key("…");
    }
    // What is in an event depends on its type: the schema says only that it is an object.
    std::string json = machine::event_json(domains::registry(), journal, row);
    const std::string object = payments::intent_json(object_in(row, pb::payment_intent));
    return json.replace(json.find(object), object.size(), "{}");
}

ApiError full_error() {
    ApiError error = invalid("…", "amount", "parameter_missing");
    error.decline_code = "generic_decline";
    error.charge_id = "ch_…";
    error.payment_intent_json = "{}";
    return error;
}

struct ObjectKind {
    std::string_view name;
    std::vector<std::string> samples;
};

std::vector<ObjectKind> kinds() {
    const pb::Customer customer = full_customer();
    const BalanceLines lines = {{kEuro, 1, 1}};
    const Funding bare{.currency = kEuro, .reference = "", .customer = customer};
    const Funding full{.currency = kEuro, .reference = "…", .customer = customer};
    return {
        {"account", {account_json(pb::Merchant()), account_json(merchant())}},
        {"balance", {balance_json(lines, "eur", false)}},
        {"balance_transaction",
         {balances::balance_transaction_json(balance_transaction(false)),
          balances::balance_transaction_json(balance_transaction(true))}},
        {"cash_balance", {cash_balance_json(1, {}, false), cash_balance_json(1, lines, false)}},
        {"charge",
         {payments::charge_json(charge(false)), payments::charge_json(charge(true)),
          payments::charge_json(wallet_charge())}},
        {"customer", {customers::customer_json(pb::Customer()), customers::customer_json(customer)}},
        {"customer_cash_balance_transaction", {funding_json(bare), funding_json(full)}},
        {"deleted", {R"({"id":"","object":"","deleted":true})"}},
        {"error", {error_json(invalid("…")), error_json(full_error())}},
        {"event", {event(false), event(true)}},
        {"ledger.account", ledger_samples("ledger.account")},
        {"ledger.accounts", ledger_samples("ledger.accounts")},
        {"ledger.balance", ledger_samples("ledger.balance")},
        {"ledger.account_list", ledger_samples("ledger.account_list")},
        {"ledger.history", ledger_samples("ledger.history")},
        {"ledger.results", ledger_samples("ledger.results")},
        {"ledger.transfer", ledger_samples("ledger.transfer")},
        {"ledger.transfers", ledger_samples("ledger.transfers")},
        {"payment_intent", {payments::intent_json(intent(false)), payments::intent_json(intent(true))}},
        {"refund", {refunds::refund_json(refund(false)), refunds::refund_json(refund(true))}},
        {"webhook_endpoint",
         {webhooks::webhook_endpoint_json(pb::WebhookEndpoint()),
          webhooks::webhook_endpoint_json(endpoint(), "whsec_…")}},
    };
}

}  // namespace

std::string build_object_schemas() {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    for (const ObjectKind& kind : kinds()) {
        std::vector<rapidjson::Document> documents(kind.samples.size());
        Samples samples;
        for (std::size_t i = 0; i < documents.size(); ++i) {
            documents[i].Parse(kind.samples[i].data(), kind.samples[i].size());
            KONTOR_ASSERT(!documents[i].HasParseError(), "renderers write JSON");
            samples.push_back(&documents[i]);
        }
        json.key(kind.name);
        infer(json, samples, kind.name, "");
    }
    json.end_object();
    return out;
}

}  // namespace kontor::api

#include "render.h"

#include "domains/accounts/ids.h"
#include "domains/balances/balances.h"
#include "domains/customers/customers.h"
#include "domains/customers/ids.h"
#include "kontor/accounts.pb.h"
#include "kontor/base/assert.h"
#include "kontor/base/object_id.h"
#include "kontor/json/writer.h"
#include "kontor/money/money.h"

namespace kontor::api {

namespace {

std::string_view code_of(std::uint32_t numeric) {
    const auto currency = money::Currency::from_numeric(static_cast<std::uint16_t>(numeric));
    KONTOR_ASSERT(currency.has_value(), "a stored currency is a listed one");
    return currency->lower_code();
}

void balance_line(JsonWriter& json, std::int64_t amount, std::string_view currency) {
    json.begin_object().field_integer("amount", amount).field("currency", currency);
    json.key("source_types").begin_object().field_integer("card", amount).end_object();
    json.end_object();
}

}  // namespace

std::string balance_json(const BalanceLines& lines, std::string_view default_currency, bool livemode) {
    std::string out;
    JsonWriter json(out);
    const auto part = [&](std::string_view name, std::int64_t balances::BalanceLine::*amount) {
        json.key(name).begin_array();
        for (const auto& line : lines) balance_line(json, line.*amount, code_of(line.currency));
        // Programs read available[0]: never an empty list.
        if (lines.empty()) balance_line(json, 0, default_currency);
        json.end_array();
    };
    json.begin_object().field("object", "balance");
    part("available", &balances::BalanceLine::available);
    json.field_boolean("livemode", livemode);
    part("pending", &balances::BalanceLine::pending);
    json.end_object();
    return out;
}

std::string cash_balance_json(std::uint64_t customer_no, const BalanceLines& lines, bool livemode) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("object", "cash_balance");
    if (lines.empty()) {
        json.field_null("available");
    } else {
        json.key("available").begin_object();
        for (const auto& line : lines) json.escaped_key(code_of(line.currency)).integer(line.available);
        json.end_object();
    }
    json.field("customer", format_id(customers::prefix::customer, customer_no))
        .field_null("customer_account");
    json.field_boolean("livemode", livemode);
    json.field_raw("settings", R"({"reconciliation_mode":"automatic","using_merchant_default":true})");
    json.end_object();
    return out;
}

std::string funding_json(const Funding& funding) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id("ccsbtxn", funding.no)).field("object", "customer_cash_balance_transaction");
    json.field_integer("created", funding.created_ms / 1000).field("currency", code_of(funding.currency));
    if (funding.expand_customer) {
        json.field_raw("customer", customers::customer_json(funding.customer));
    } else {
        json.field("customer", format_id(customers::prefix::customer, funding.customer.no()));
    }
    json.field_null("customer_account").field_integer("ending_balance", funding.ending_balance);
    json.key("funded").begin_object().key("bank_transfer").begin_object();
    json.field_or_null("reference", funding.reference).field("type", "eu_bank_transfer");
    json.end_object().end_object();
    json.field_boolean("livemode", funding.customer.livemode());
    json.field_integer("net_amount", funding.amount).field("type", "funded");
    json.end_object();
    return out;
}

std::string account_json(const pb::Merchant& merchant) {
    std::string out;
    JsonWriter json(out);
    json.begin_object()
        .field("id", format_id(accounts::prefix::merchant, merchant.no()))
        .field("object", "account");
    json.key("business_profile").begin_object().field_or_null("name", merchant.name()).end_object();
    json.field_null("business_type").field_raw("capabilities", "{}").field_boolean("charges_enabled", true);
    json.field_or_null("country", merchant.country()).field_integer("created", merchant.created_ms() / 1000);
    json.field_or_null("default_currency", merchant.default_currency())
        .field_boolean("details_submitted", true);
    json.field_null("email").field_raw("metadata", "{}").field_boolean("payouts_enabled", false);
    json.key("settings").begin_object().key("dashboard").begin_object();
    json.field_or_null("display_name", merchant.name())
        .field("timezone", "Etc/UTC")
        .end_object()
        .end_object();
    json.field("type", "standard").end_object();
    return out;
}

}  // namespace kontor::api

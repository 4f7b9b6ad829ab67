// The merchant's balance, and what moved it.
#include "domains/balances/api.h"

#include "domains/accounts/accounts.h"
#include "domains/balances/balances.h"
#include "domains/balances/ids.h"
#include "domains/balances/permissions.h"
#include "kontor/balances.pb.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/json/writer.h"
#include "kontor/log.pb.h"
#include "kontor/machine/json_parts.h"
#include "kontor/surface/lists.h"
#include "kontor/surface/param_parts.h"

namespace kontor::balances {

namespace {

using namespace surface;  // the routes' words

void balance_line(JsonWriter& json, std::int64_t amount, std::string_view currency) {
    json.begin_object().field_integer("amount", amount).field("currency", currency);
    json.key("source_types").begin_object();
    json.field_integer("card", amount).end_object();  // house: channel: clients know no other word
    json.end_object();
}

// `default_currency` (lower case) is shown with zeros when there is no line.
std::string balance_json(const std::vector<BalanceLine>& lines, std::string_view default_currency,
                         bool livemode) {
    std::string out;
    JsonWriter json(out);
    const auto part = [&](std::string_view name, std::int64_t BalanceLine::*amount) {
        json.key(name).begin_array();
        for (const auto& line : lines)
            balance_line(json, line.*amount, machine::parts::currency_code(line.currency));
        // Programs read available[0]: never an empty list.
        if (lines.empty()) balance_line(json, 0, default_currency);
        json.end_array();
    };
    json.begin_object().field("object", "balance");
    part("available", &BalanceLine::available);
    json.field_boolean("livemode", livemode);
    part("pending", &BalanceLine::pending);
    json.end_object();
    return out;
}

void retrieve_balance(const CallPtr& call) {
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const machine::Scope scope = call->caller.scope;
        const auto lines = merchant_balance(rows, scope);
        std::string default_currency = "usd";
        if (lines.empty()) {
            const auto merchant = accounts::find_merchant(rows, scope.merchant_no);
            if (merchant && !merchant->default_currency().empty())
                default_currency = merchant->default_currency();
        }
        call->reply(balance_json(lines, default_currency, scope.livemode), log_index);
    });
}

void retrieve_balance_transaction(const CallPtr& call) {
    retrieve(
        *call, prefix::balance_transaction, find_balance_transaction,
        [](pb::Result& found) { return mutable_object(found, pb::balance_transaction); },
        balance_transaction_json);
}

void list_balance_transactions(const CallPtr& call) {
    list<pb::BalanceTransaction>(
        *call, prefix::balance_transaction, balances::list_balance_transactions,
        [](pb::Result& found) { return mutable_object(found, pb::balance_transaction); },
        balance_transaction_json);
}

constexpr std::uint32_t kEuro = 978;

pb::BalanceTransaction sample(bool full) {
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

std::vector<std::string> balance_samples() {
    return {balance_json({{kEuro, 1, 1}}, "eur", false)};
}

std::vector<std::string> samples() {
    return {balance_transaction_json(sample(false)), balance_transaction_json(sample(true))};
}

constexpr std::array kListBalanceTransactions = {
    kCreated,
    currency("In this currency."),
    text("source", 64, "Caused by this charge or refund."),
    text("type", 64, "Of this type: charge, refund or refund_failure."),
};

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET", "/v1/balance", "retrieve_balance", &permission::read, Work::read, Shape::object, "balance", kNone, retrieve_balance, "Retrieve your balance"},
    Route{"GET", "/v1/balance_transactions", "list_balance_transactions", &permission::read, Work::read_many, Shape::list, "balance_transaction", kListBalanceTransactions, list_balance_transactions, "List balance transactions"},
    Route{"GET", "/v1/balance_transactions/{id}", "retrieve_balance_transaction", &permission::read, Work::read, Shape::object, "balance_transaction", kNone, retrieve_balance_transaction, "Retrieve a balance transaction"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array kNames = {ObjectName{prefix::balance_transaction, "balance transaction"}};
constexpr std::array kSamples = {
    Sample{"balance", balance_samples},
    Sample{"balance_transaction", samples},
};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNames,
    .samples = kSamples,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::balances

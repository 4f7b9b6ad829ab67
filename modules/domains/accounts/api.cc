// The merchant's own account.
#include "domains/accounts/api.h"

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/accounts/permissions.h"
#include "kontor/accounts.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/json/writer.h"
#include "kontor/surface/call.h"

namespace kontor::accounts {

namespace {

using namespace surface;  // the routes' words

std::string account_json(const pb::Merchant& merchant) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("id", format_id(prefix::merchant, merchant.no())).field("object", "account");
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

void retrieve_account(const CallPtr& call) {
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto merchant = find_merchant(rows, call->caller.scope.merchant_no);
        if (!merchant) return call->refuse(unauthenticated("This account does not exist."));
        call->reply(account_json(*merchant), log_index);
    });
}

pb::Merchant merchant() {
    pb::Merchant row;
    row.set_name("Shop");
    row.set_country("DE");
    row.set_default_currency("eur");
    return row;
}

std::vector<std::string> samples() {
    return {account_json(pb::Merchant()), account_json(merchant())};
}

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET", "/v1/account", "retrieve_account", &permission::read_own, Work::read, Shape::object, "account", kNone, retrieve_account, "Retrieve your own account"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array kSamples = {Sample{"account", samples}};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNone,
    .samples = kSamples,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::accounts

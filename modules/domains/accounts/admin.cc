// Merchants in the back office.
#include "domains/accounts/admin.h"

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/accounts/limits.h"
#include "domains/accounts/permissions.h"
#include "kontor/accounts.pb.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/outcome.h"
#include "kontor/money/money.h"
#include "kontor/surface/office_limits.h"

namespace kontor::accounts {

namespace {

using namespace surface::office;  // the routes' words
namespace office_limits = surface::office::limits;

void put_merchant(JsonWriter& json, const pb::Merchant& merchant) {
    json.field("id", format_id(prefix::merchant, merchant.no())).field("name", merchant.name());
    json.field_integer("fee_bps", merchant.fee_bps()).field_integer("fee_fixed", merchant.fee_fixed_minor());
    json.field_integer("settlement_delay_days", merchant.settlement_delay_days());
    json.field("country", merchant.country()).field("default_currency", merchant.default_currency());
    json.field_integer("created_ms", merchant.created_ms());
}

// An integer of the body within bounds; absent is `fallback`.
std::optional<std::int64_t> bounded(const Call& call, std::string_view name, std::int64_t fallback,
                                    std::int64_t max) {
    const JsonValue& found = call.body[name];
    if (found.is_absent() || found.is_null()) return fallback;
    const auto value = found.integer();
    return value && *value >= 0 && *value <= max ? value : std::nullopt;
}

bool good_country(const std::string& country) {
    return country.empty() || (country.size() == 2 && country[0] >= 'A' && country[0] <= 'Z' &&
                               country[1] >= 'A' && country[1] <= 'Z');
}

void list_merchants(const CallPtr& call) {
    std::uint64_t after_no = 0;
    if (const std::string_view cursor = call->parameter("cursor"); !cursor.empty()) {
        const auto no = parse_id(prefix::merchant, cursor);
        if (!no) return call->refuse(400, "invalid", "This value cannot be used.", "cursor");
        after_no = *no;
    }
    std::vector<pb::Merchant> merchants;
    bool more = true;
    const auto read_page = [&](const store::Reader& rows, std::uint64_t) {
        const auto page = accounts::list_merchants(rows, after_no, office_limits::kRowsPerRead);
        more = page.size() == office_limits::kRowsPerRead;
        merchants.insert(merchants.end(), page.begin(), page.end());
        if (!page.empty()) after_no = page.back().no();
    };
    while (more && merchants.size() < kMerchantsListed) call->host->service->read(read_page);
    call->answer(200, [&](JsonWriter& json) {
        put_list(json, "data", merchants, put_merchant);
        put_id(json, "next_cursor", prefix::merchant, more ? after_no : 0);
    });
}

void get_merchant(const CallPtr& call) {
    const auto merchant_no = parse_id(prefix::merchant, call->rest);
    std::optional<pb::Merchant> found;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        if (merchant_no) found = find_merchant(rows, *merchant_no);
    });
    if (!found) return call->refuse(404, "not_found", "There is no such merchant.");
    call->answer(200, [&](JsonWriter& json) { put_merchant(json, *found); });
}

void create_merchant(const CallPtr& call) {
    const std::string name = call->text("name");
    if (name.empty() || name.size() > machine::limits::kNameBytes)
        return call->refuse(422, "name_invalid", "A name has 1 to 256 bytes.", "name");
    const auto fee_bps = bounded(*call, "fee_bps", 0, accounts::limits::kFeeBpsMax);
    const auto fee_fixed = bounded(*call, "fee_fixed", 0, money::kMaxAmountMinor);
    const auto delay = bounded(*call, "settlement_delay_days", 0, accounts::limits::kSettlementDelayDaysMax);
    if (!fee_bps) return call->refuse(422, "invalid", "0 to 10000 basis points", "fee_bps");
    if (!fee_fixed)
        return call->refuse(422, "invalid", "A whole number of minor units, not negative", "fee_fixed");
    if (!delay)
        return call->refuse(422, "invalid",
                            "0 to " + std::to_string(accounts::limits::kSettlementDelayDaysMax) + " days",
                            "settlement_delay_days");
    if (!good_country(call->text("country")))
        return call->refuse(422, "invalid", "A country is two capital letters, as in ISO 3166", "country");
    std::string currency = call->text("default_currency");
    if (!currency.empty()) {
        const auto known = money::Currency::from_code(currency);
        if (!known) return call->refuse(422, "invalid", "No such currency", "default_currency");
        currency = known->lower_code();
    }
    pb::Command command = operator_command(*call);
    auto& create = *mutable_body(command, pb::create_merchant);
    create.set_name(name);
    create.set_fee_bps(static_cast<std::uint32_t>(*fee_bps));
    create.set_fee_fixed_minor(*fee_fixed);
    create.set_settlement_delay_days(static_cast<std::uint32_t>(*delay));
    create.set_country(call->text("country"));
    create.set_default_currency(currency);
    submit(call, std::move(command), [](JsonWriter& json, const pb::Result& made) {
        put_merchant(json, object_in(made, pb::merchant));
    });
}

constexpr std::array<std::string_view, 6> kNewMerchant = {
    "name", "fee_bps", "fee_fixed", "settlement_delay_days", "country", "default_currency"};

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET",  Place::mode, "merchants",   &permission::read,  Runs::report_thread, list_merchants, kNone},
    Route{"POST", Place::mode, "merchants",   &permission::write, Runs::here,          create_merchant, kNewMerchant},
    Route{"GET",  Place::mode, "merchants/*", &permission::read,  Runs::here,          get_merchant, kNone},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

}  // namespace

constinit const surface::office::Resource kAdmin = {.routes = kRoutes};

}  // namespace kontor::accounts

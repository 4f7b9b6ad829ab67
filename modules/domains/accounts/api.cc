// The merchant's own account.
#include "domains/accounts/api.h"

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/accounts/permissions.h"
#include "kontor/accounts.pb.h"
#include "kontor/machine/fields.h"
#include "kontor/surface/call.h"

namespace kontor::accounts {

namespace {

using namespace surface;  // the routes' words

using Absent = fields::Absent;
using Row = fields::Field<pb::Merchant>;
constexpr std::array kProfile = {Row{"name", fields::text<&pb::Merchant::name>(), Absent::null}};
constexpr std::array kDashboard = {
    Row{"display_name", fields::text<&pb::Merchant::name>(), Absent::null},
    Row{"timezone", fields::constant("Etc/UTC"), Absent::never},
};
constexpr std::array kSettings = {Row{"dashboard", fields::hash<kDashboard>(), Absent::never}};
constexpr std::array kAccount = {
    Row{"id", fields::id<&pb::Merchant::no>(prefix::merchant), Absent::never},
    Row{"object", fields::constant("account"), Absent::never},
    Row{"business_profile", fields::hash<kProfile>(), Absent::never},
    Row{"business_type", fields::null(), Absent::never},
    Row{"capabilities", fields::literal("{}"), Absent::never},
    Row{"charges_enabled", fields::literal("true"), Absent::never},
    Row{"country", fields::text<&pb::Merchant::country>(), Absent::left_out, "Two letters, ISO 3166."},
    Row{"created", fields::timestamp<&pb::Merchant::created_ms>(), Absent::never},
    Row{"default_currency", fields::text<&pb::Merchant::default_currency>(fields::kCurrencyPattern),
        Absent::left_out},
    Row{"details_submitted", fields::literal("true"), Absent::never},
    Row{"email", fields::null(), Absent::never},
    Row{"metadata", fields::no_metadata(), Absent::never},
    Row{"payouts_enabled", fields::literal("false"), Absent::never},
    Row{"settings", fields::hash<kSettings>(), Absent::never},
    Row{"type", fields::constant("standard"), Absent::never},
};
constinit const fields::Shape kAccountShape = fields::shape<kAccount>("account");

void retrieve_account(const CallPtr& call) {
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto merchant = find_merchant(rows, call->caller.scope.merchant_no);
        if (!merchant) return call->refuse(unauthenticated("This account does not exist."));
        call->reply(machine::render_object<kAccount>(*merchant, machine::parts::kUsualObjectBytes / 2),
                    log_index);
    });
}

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET", "/v1/account", "retrieve_account", &permission::read_own, Work::read, Shape::object, "account", kNone, retrieve_account, "Retrieve your own account"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array<const fields::Shape*, 1> kObjects = {&kAccountShape};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNone,
    .objects = kObjects,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::accounts

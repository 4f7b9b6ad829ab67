// The merchant's balance, and what moved it.
#include "domains/balances/api.h"

#include "domains/accounts/accounts.h"
#include "domains/balances/balances.h"
#include "domains/balances/ids.h"
#include "domains/balances/permissions.h"
#include "domains/balances/words.h"
#include "domains/payments/ids.h"
#include "domains/refunds/ids.h"
#include "kontor/balances.pb.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/fields.h"
#include "kontor/surface/lists.h"
#include "kontor/surface/param_parts.h"

namespace kontor::balances {

namespace {

using namespace surface;  // the routes' words

// What is available or pending in one currency.
struct Line {
    std::int64_t amount = 0;
    std::string_view currency;  // lower case
};
struct Balance {
    std::vector<Line> available;
    std::vector<Line> pending;
    bool livemode = false;
};

using Absent = fields::Absent;
using LineRow = fields::Field<Line>;
constexpr std::array kSourceTypes = {
    LineRow{"card", fields::integer<&Line::amount>(), Absent::never},  // house: channel: clients ask for it
};
constexpr std::array kLine = {
    LineRow{"amount", fields::integer<&Line::amount>(), Absent::never, "In the currency's smallest unit."},
    LineRow{"currency", fields::text<&Line::currency>(fields::kCurrencyPattern), Absent::never},
    LineRow{"source_types", fields::hash<kSourceTypes>(), Absent::never},
};
using BalanceRow = fields::Field<Balance>;
constexpr std::array kBalance = {
    BalanceRow{"object", fields::constant("balance"), Absent::never},
    BalanceRow{"available", fields::rows<kLine, &Balance::available>(), Absent::never,
               "By currency; never empty."},
    BalanceRow{"livemode", fields::boolean<&Balance::livemode>(), Absent::never},
    BalanceRow{"pending", fields::rows<kLine, &Balance::pending>(), Absent::never,
               "Captured, and available later."},
};
constinit const fields::Shape kBalanceShape = fields::shape<kBalance>("balance");

// `default_currency` (lower case) is shown with zeros when there is no line.
std::string balance_json(const std::vector<BalanceLine>& lines, std::string_view default_currency,
                         bool livemode) {
    Balance balance{.available = {}, .pending = {}, .livemode = livemode};
    for (const BalanceLine& line : lines) {
        const std::string_view currency = machine::parts::currency_code(line.currency);
        balance.available.push_back({line.available, currency});
        balance.pending.push_back({line.pending, currency});
    }
    // Programs read available[0]: never an empty list.
    if (lines.empty()) balance.available = balance.pending = {{0, default_currency}};
    return machine::render_object<kBalance>(balance, machine::parts::kUsualObjectBytes / 4);
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

constexpr std::array<std::string_view, 2> kSources = {payments::prefix::charge, refunds::prefix::refund};
constexpr std::array kListBalanceTransactions = {
    kCreated,
    currency("In this currency."),
    id_of_any("source", kSources, "Caused by this charge or refund."),
    choice("type", kTypes, "Of this type."),
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
constexpr std::array<const fields::Shape*, 2> kObjects = {&kBalanceShape, &kTransactionShape};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNames,
    .objects = kObjects,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::balances

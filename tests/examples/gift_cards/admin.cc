// Gift cards of a merchant in the back office.
#include "examples/gift_cards/admin.h"

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/customers/ids.h"
#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/ids.h"
#include "examples/gift_cards/permissions.h"
#include "kontor/accounts.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/surface/office_limits.h"

namespace kontor::gift_cards {

namespace {

using namespace surface::office;  // the routes' words
namespace office_limits = surface::office::limits;

void put_card(JsonWriter& json, const pb::GiftCard& card) {
    json.begin_object().field("id", format_id(prefix::gift_card, card.no()));
    json.field_integer("amount", card.amount()).field("currency", currency_code(card.currency()));
    json.field("customer", format_id(customers::prefix::customer, card.customer_no()));
    json.field_integer("created_ms", card.created_ms()).end_object();
}

void list_of_merchant(const CallPtr& call) {
    machine::ListQuery query;
    query.limit = office_limits::kPageMax;
    if (const std::string_view cursor = call->parameter("cursor"); !cursor.empty()) {
        const auto no = parse_id(prefix::gift_card, cursor);
        if (!no) return call->refuse(400, "invalid", "This value cannot be used.", "cursor");
        query.starting_after = *no;
    }
    const auto merchant_no = parse_id(accounts::prefix::merchant, call->rest);
    bool found = false;
    machine::Listed<pb::GiftCard> page;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        found = merchant_no && accounts::find_merchant(rows, *merchant_no).has_value();
        machine::Bound bound;
        if (found) page = list_gift_cards(rows, {*merchant_no, call->livemode}, query, bound);
    });
    if (!found) return call->refuse(404, "not_found", "There is no such merchant.");
    call->answer(200, [&](JsonWriter& json) {
        json.key("data").begin_array();
        for (const pb::GiftCard& card : page.rows) put_card(json, card);
        put_id(json.end_array(), "next_cursor", prefix::gift_card, page.has_more ? page.rows.back().no() : 0);
    });
}

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET", Place::mode, "merchants/*/gift_cards", &permission::read, Runs::report_thread, list_of_merchant, kNone},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

}  // namespace

constinit const surface::office::Resource kAdmin = {.routes = kRoutes};

}  // namespace kontor::gift_cards

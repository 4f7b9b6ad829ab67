// Gift cards.
#include "examples/gift_cards/api.h"

#include "domains/customers/ids.h"
#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/gift_cards_bodies.pb.h"
#include "examples/gift_cards/ids.h"
#include "examples/gift_cards/permissions.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/surface/command_parts.h"
#include "kontor/surface/lists.h"
#include "kontor/surface/param_parts.h"

namespace kontor::gift_cards {

namespace {

using namespace surface;  // the routes' words

std::string render_gift_card(const Call& call, const pb::Result& result) {
    return gift_card_json(object_in(result, pb::gift_card), call.expansion(result));
}

void create_gift_card(const CallPtr& call) {
    pb::Command command = call->command();
    pb::CreateGiftCard& wanted = *mutable_body(command, pb::create_gift_card);
    wanted.set_amount(call->params.integer_of("amount").value_or(0));
    wanted.set_currency(currency_of(call->params));
    wanted.set_customer_no(call->number_of("customer", customers::prefix::customer));
    fill_metadata(call->params, wanted.mutable_metadata(), true);
    call->submit(std::move(command), render_gift_card);
}

void retrieve_gift_card(const CallPtr& call) {
    retrieve(
        *call, prefix::gift_card, find_gift_card,
        [](pb::Result& found) { return mutable_object(found, pb::gift_card); }, gift_card_json);
}

void list_gift_cards(const CallPtr& call) {
    list<pb::GiftCard>(
        *call, prefix::gift_card, gift_cards::list_gift_cards,
        [](pb::Result& found) { return mutable_object(found, pb::gift_card); }, gift_card_json);
}

constexpr std::array kCreate = {
    amount("amount", "What it is worth, in the currency's smallest unit.", true),
    currency("Three-letter ISO 4217 code.", true),
    required(id("customer", customers::prefix::customer, "Who bought it.")),
    metadata(),
};
constexpr std::array kList = {
    kCreated,
    id_filter("customer", customers::prefix::customer, &machine::ListQuery::customer_no,
              "Only gift cards of this customer."),
};

// clang-format off
constexpr std::array kRoutes = {
    Route{"POST", "/v1/gift_cards", "create_gift_card", &permission::write, Work::write, Shape::object, "gift_card", kCreate, create_gift_card, "Sell a gift card"},
    Route{"GET", "/v1/gift_cards", "list_gift_cards", &permission::read, Work::read_many, Shape::list, "gift_card", kList, list_gift_cards, "List gift cards"},
    Route{"GET", "/v1/gift_cards/{id}", "retrieve_gift_card", &permission::read, Work::read, Shape::object, "gift_card", kNone, retrieve_gift_card, "Retrieve a gift card"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array kNames = {ObjectName{prefix::gift_card, "gift card"}};
constexpr std::array<const fields::Shape*, 1> kObjects = {&kGiftCardShape};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNames,
    .objects = kObjects,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::gift_cards

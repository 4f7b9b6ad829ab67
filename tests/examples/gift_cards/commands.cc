#include "examples/gift_cards/commands.h"

#include "domains/customers/customers.h"
#include "domains/customers/ids.h"
#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/gift_cards_bodies.pb.h"
#include "examples/gift_cards/limits.h"
#include "examples/gift_cards/outcomes.h"
#include "examples/gift_cards/tables.h"
#include "kontor/machine/links.h"
#include "kontor/machine/refuse.h"
#include "kontor/money/money.h"

namespace kontor::gift_cards {

using namespace machine;  // the frame's words

namespace {

std::optional<pb::Result> refused(Context& context, const pb::CreateGiftCard& wanted) {
    if (wanted.amount() <= 0 || wanted.amount() > money::kMaxAmountMinor)
        return refuse(machine::outcome::invalid_parameter,
                      "The amount must be between 1 and " + std::to_string(money::kMaxAmountMinor) + ".",
                      "amount");
    if (wanted.currency() > UINT16_MAX ||
        !money::Currency::from_numeric(static_cast<std::uint16_t>(wanted.currency())))
        return refuse(machine::outcome::invalid_parameter, "Invalid currency.", "currency");
    const auto customer = customers::find_customer(context.rows, context.scope, wanted.customer_no());
    if (!customer || customer->deleted())
        return no_such("customer", customers::prefix::customer, wanted.customer_no(), "customer");
    const auto cards =
        linked(context.rows, context.scope, wanted.customer_no(), kCustomerGiftCard, 0, limits::kPerCustomer);
    if (cards.size() == limits::kPerCustomer)
        return refuse(outcome::too_many, std::string(outcome::too_many.message), "customer");
    return std::nullopt;
}

}  // namespace

pb::Result create_gift_card(Context& context, const pb::CreateGiftCard& wanted) {
    if (auto no = refused(context, wanted)) return *std::move(no);
    pb::GiftCard card;
    if (!merge_metadata(card.mutable_metadata(), wanted.metadata())) return metadata_too_long();
    card.set_no(context.next_no());
    card.set_merchant_no(context.scope.merchant_no);
    card.set_livemode(context.scope.livemode);
    card.set_amount(wanted.amount());
    card.set_currency(wanted.currency());
    card.set_customer_no(wanted.customer_no());
    card.set_created_ms(context.now.utc_ms);
    context.put(table::gift_cards, object_key(context.scope, card.no()), card);
    context.link(card.customer_no(), kCustomerGiftCard, card.no());
    context.event("gift_card.created", pb::gift_card, card);
    pb::Result result;
    *mutable_object(result, pb::gift_card) = card;
    return result;
}

bool is_card_of_customer(const store::Reader& rows, Scope scope, std::uint64_t customer_no,
                         std::uint64_t card_no) {
    const auto card = find_gift_card(rows, scope, card_no);
    return card && card->customer_no() == customer_no;
}

}  // namespace kontor::gift_cards

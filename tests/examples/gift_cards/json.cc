#include <array>

#include "domains/customers/references.h"
#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/ids.h"
#include "kontor/machine/fields.h"

namespace kontor::gift_cards {

namespace {

using fields::Absent;
using pb::GiftCard;

using Row = fields::Field<machine::Rendered<GiftCard>>;
constexpr std::array kGiftCard = {
    Row{"id", fields::id<&GiftCard::no>(prefix::gift_card), Absent::never},
    Row{"object", fields::constant("gift_card"), Absent::never},
    Row{"amount", fields::integer<&GiftCard::amount>(), Absent::never,
        "What it is worth, in the currency's smallest unit."},
    Row{"created", fields::timestamp<&GiftCard::created_ms>(), Absent::never},
    Row{"currency", fields::currency<&GiftCard::currency>(), Absent::never},
    Row{"customer", fields::expandable<customers::kToCustomer, &GiftCard::customer_no>(), Absent::null,
        "Who bought it. Expandable."},
    Row{"livemode", fields::boolean<&GiftCard::livemode>(), Absent::never},
    Row{"metadata", fields::metadata(), Absent::never},
};

}  // namespace

constinit const fields::Shape kGiftCardShape = fields::shape<kGiftCard>("gift_card");

std::string gift_card_json(const GiftCard& card, const machine::Expansion& expansion) {
    return machine::render_object<kGiftCard>(machine::Rendered<GiftCard>{card, expansion},
                                             machine::parts::kUsualObjectBytes / 2);
}

fields::Pointer gift_card_reference(const GiftCard& card, std::string_view field) {
    return fields::follow<kGiftCard>(machine::Rendered<GiftCard>{card, machine::kNothingExpanded}, field);
}

}  // namespace kontor::gift_cards

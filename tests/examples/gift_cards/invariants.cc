#include "examples/gift_cards/invariants.h"

#include "domains/customers/customers.h"
#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/tables.h"

namespace kontor::gift_cards {

using namespace machine;  // the frame's words

void check_gift_cards(Audit& audit) {
    audit.each_object<pb::GiftCard>(
        table::gift_cards, "gift_cards", [&](Scope scope, const pb::GiftCard& card) {
            if (card.amount() <= 0) audit.broken(scope, card.no(), "the gift card is worth nothing");
            if (!customers::find_customer(audit.rows, scope, card.customer_no()))
                audit.broken(scope, card.no(), "the gift card's customer is not there");
            if (!audit.has(machine::table::links,
                           link_key(scope, card.customer_no(), kCustomerGiftCard, card.no())))
                audit.broken(scope, card.no(), "the gift card is not found by its customer");
        });
}

}  // namespace kontor::gift_cards

#pragma once
// Commands about gift cards.

#include "examples/gift_cards/gift_cards.pb.h"
#include "kontor/machine/context.h"

namespace kontor::gift_cards {

pb::Result create_gift_card(machine::Context& context, const pb::CreateGiftCard& wanted);

// Whether the customer bought the card: what a link says.
[[nodiscard]] bool is_card_of_customer(const store::Reader&, machine::Scope, std::uint64_t customer_no,
                                       std::uint64_t card_no);

}  // namespace kontor::gift_cards

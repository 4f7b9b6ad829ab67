#pragma once
// Gift cards: a merchant sells them to his customers.

#include <cstdint>
#include <optional>
#include <string>

#include "examples/gift_cards/gift_cards.pb.h"
#include "kontor/json/fields.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/page.h"

namespace kontor::gift_cards {

[[nodiscard]] std::optional<pb::GiftCard> find_gift_card(const store::Reader&, machine::Scope,
                                                         std::uint64_t no);
// Newest first; of one customer, if the query names one.
[[nodiscard]] machine::Listed<pb::GiftCard> list_gift_cards(const store::Reader&, machine::Scope,
                                                            const machine::ListQuery&, machine::Bound&);
extern const fields::Shape kGiftCardShape;
[[nodiscard]] std::string gift_card_json(const pb::GiftCard&, const machine::Expansion& = {});
// Where an expandable field leads.
[[nodiscard]] fields::Pointer gift_card_reference(const pb::GiftCard&, std::string_view field);

}  // namespace kontor::gift_cards

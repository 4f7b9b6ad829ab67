#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/tables.h"

namespace kontor::gift_cards {

using namespace machine;  // the frame's words

std::optional<pb::GiftCard> find_gift_card(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::GiftCard>(rows, table::gift_cards, object_key(scope, no));
}

Listed<pb::GiftCard> list_gift_cards(const store::Reader& rows, Scope scope, const ListQuery& query,
                                     Bound& bound) {
    const Source source = query.customer_no == 0 ? objects(table::gift_cards, scope)
                                                 : children(scope, query.customer_no, kCustomerGiftCard);
    return list<pb::GiftCard>(rows, scope, table::gift_cards, source, query, bound,
                              [](const pb::GiftCard&) { return true; });
}

}  // namespace kontor::gift_cards

#include "domains/customers/ids.h"
#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/ids.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/json_parts.h"

namespace kontor::gift_cards {

using namespace machine;  // the frame's words

std::string gift_card_json(const pb::GiftCard& card, const Expansion& expansion) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::gift_card, card.no())).field("object", "gift_card");
    json.field_integer("amount", card.amount());
    json.field_integer("created", parts::seconds(card.created_ms()));
    json.field("currency", parts::currency_code(card.currency()));
    parts::reference(json, "customer", pb::kCustomerFieldNumber, customers::prefix::customer,
                     card.customer_no(), expansion);
    json.field_boolean("livemode", card.livemode());
    parts::metadata(json, card.metadata());
    json.end_object();
    return out;
}

}  // namespace kontor::gift_cards

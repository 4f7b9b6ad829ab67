#include "connectors/sandbox/sandbox.h"

#include <algorithm>

#include "connectors/sandbox/cards.h"

namespace kontor::connectors::sandbox {

namespace {

Answer declined(const Decline& decline) {
    return failed({"card_error", std::string(decline.code), std::string(decline.decline_code),
                   std::string(decline.message)});
}

Answer take_money(const Order& order, const Card& card, const Credentials& credentials) {
    const std::string name = "sbx_" + order.reference;
    switch (card.fate) {
        case Fate::asks_payer:
            return requires_action(name, {page_url(order, credentials), {}, 0});
        case Fate::answer_lost:
            if (order.earlier_tries == 0) return {};
            break;
        case Fate::succeeds:
        case Fate::declines:
        case Fate::refund_fails:
            break;
    }
    return card.decline != nullptr ? declined(*card.decline) : succeeded(name);
}

}  // namespace

std::variant<Call, Answer> build(const Order& order, const Credentials& credentials,
                                 const Moment& /*moment*/) {
    const Card* card = find_card(order.method_token);
    if (card == nullptr)
        return failed({"card_error", "card_declined", "generic_decline", "Your card was declined."});
    if (order.operation == Operation::sale || order.operation == Operation::authorize)
        return take_money(order, *card, credentials);
    if (order.operation == Operation::refund && card->fate == Fate::refund_fails)
        return failed({"api_error", "expired_or_canceled_card", {}, "The card's bank refused the refund."});
    return succeeded("sbx_" + order.reference);
}

Answer parse(const Order& /*order*/, const Reply& /*reply*/, const Credentials& /*credentials*/,
             const Moment& /*moment*/) {
    return {};
}

std::variant<Call, Answer> build_query(const Order& order, const Credentials& credentials,
                                       const Moment& moment) {
    Order sent = order;
    sent.earlier_tries = std::max(order.earlier_tries, 1U);
    return build(sent, credentials, moment);
}

std::optional<Answer> parse_query(const Order& /*order*/, const Reply& /*reply*/,
                                  const Credentials& /*credentials*/, const Moment& /*moment*/) {
    return Answer();
}

Credentials draw(std::string_view random) {
    Credentials credentials;
    credentials.set(kLinkKey, crypto::Secret(std::string(random)));
    return credentials;
}

}  // namespace kontor::connectors::sandbox

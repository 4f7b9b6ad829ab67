#include "domains/payments/methods.h"

#include <array>
#include <string>

#include "kontor/payments.pb.h"

namespace kontor::payments {
namespace {

struct Card {
    std::string_view token, brand, last4, funding;
};

// The well-known test tokens, with the last digits of the numbers they stand for. What the sandbox acquirer
// answers to each is its own table (docs/testing.md).
constexpr std::array kCards = {
    Card{"pm_card_visa", "visa", "4242", "credit"},
    Card{"pm_card_visa_debit", "visa", "5556", "debit"},
    Card{"pm_card_mastercard", "mastercard", "4444", "credit"},
    Card{"pm_card_mastercard_debit", "mastercard", "3222", "debit"},
    Card{"pm_card_mastercard_prepaid", "mastercard", "5100", "prepaid"},
    Card{"pm_card_amex", "amex", "0005", "credit"},
    Card{"pm_card_discover", "discover", "1117", "credit"},
    Card{"pm_card_diners", "diners", "0004", "credit"},
    Card{"pm_card_jcb", "jcb", "0505", "credit"},
    Card{"pm_card_unionpay", "unionpay", "0005", "credit"},
    Card{"pm_card_chargeDeclined", "visa", "0002", "credit"},
    Card{"pm_card_visa_chargeDeclined", "visa", "0002", "credit"},
    Card{"pm_card_chargeDeclinedInsufficientFunds", "visa", "9995", "credit"},
    Card{"pm_card_visa_chargeDeclinedInsufficientFunds", "visa", "9995", "credit"},
    Card{"pm_card_chargeDeclinedLostCard", "visa", "9987", "credit"},
    Card{"pm_card_visa_chargeDeclinedLostCard", "visa", "9987", "credit"},
    Card{"pm_card_chargeDeclinedStolenCard", "visa", "9979", "credit"},
    Card{"pm_card_visa_chargeDeclinedStolenCard", "visa", "9979", "credit"},
    Card{"pm_card_chargeDeclinedFraudulent", "visa", "0019", "credit"},
    Card{"pm_card_chargeDeclinedExpiredCard", "visa", "0069", "credit"},
    Card{"pm_card_chargeDeclinedIncorrectCvc", "visa", "0127", "credit"},
    Card{"pm_card_chargeDeclinedProcessingError", "visa", "0119", "credit"},
    Card{"pm_card_visa_chargeDeclinedVelocityLimitExceeded", "visa", "6975", "credit"},
    Card{"pm_card_refundFail", "visa", "5126", "credit"},
    Card{"pm_card_sandboxAnswerLost", "visa", "4242", "credit"},
    Card{"pm_card_sandboxAnswerLostThenDeclined", "visa", "0002", "credit"},
};

struct Kind {
    pb::MethodKind kind;
    std::string_view name;
};
constexpr std::array kKinds = {Kind{pb::METHOD_WALLET, "wallet"}, Kind{pb::METHOD_CARD, "card"}};

// Test cards never expire in a test.
constexpr std::uint32_t kExpiryMonth = 12;
constexpr std::uint32_t kExpiryYear = 2040;

}  // namespace

std::optional<pb::PaymentMethod> find_method(std::string_view token, bool livemode) {
    pb::PaymentMethod method;
    if (token == "pm_wallet") {
        method.set_kind(pb::METHOD_WALLET);
        method.set_token(std::string(token));
        return method;
    }
    if (livemode) return std::nullopt;
    for (const Card& card : kCards) {
        if (card.token != token) continue;
        method.set_kind(pb::METHOD_CARD);
        method.set_token(std::string(token));
        method.set_brand(std::string(card.brand));
        method.set_last4(std::string(card.last4));
        method.set_exp_month(kExpiryMonth);
        method.set_exp_year(kExpiryYear);
        method.set_country("US");
        method.set_funding(std::string(card.funding));
        return method;
    }
    return std::nullopt;
}

std::string_view method_name(pb::MethodKind kind) {
    for (const Kind& known : kKinds)
        if (known.kind == kind) return known.name;
    return {};
}

std::string_view method_name(std::string_view stored) {
    for (const Kind& known : kKinds)
        if (known.name == stored) return known.name;
    return {};
}

const pb::PaymentMethod& method_of(const pb::PaymentIntent& intent) {
    return intent.payment_method().kind() == pb::METHOD_NONE ? intent.failed_payment_method()
                                                             : intent.payment_method();
}

}  // namespace kontor::payments

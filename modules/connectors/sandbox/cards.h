#pragma once
// The cards of test mode: the only place that knows their tokens. Source of tokens, digits and messages:
// Stripe's public testing documentation; docs/testing.md is compared with this table.

#include <array>
#include <cstdint>
#include <string_view>

#include "connectors/connector.h"

namespace kontor::connectors::sandbox {

struct Decline {
    std::string_view code, decline_code, message;
};
inline constexpr Decline kGeneric{"card_declined", "generic_decline", "Your card was declined."};
inline constexpr Decline kInsufficient{"card_declined", "insufficient_funds",
                                       "Your card has insufficient funds."};
inline constexpr Decline kLost{"card_declined", "lost_card", "Your card was declined."};
inline constexpr Decline kStolen{"card_declined", "stolen_card", "Your card was declined."};
inline constexpr Decline kFraudulent{"card_declined", "fraudulent", "Your card was declined."};
inline constexpr Decline kExpired{"expired_card", "expired_card", "Your card has expired."};
inline constexpr Decline kIncorrectCvc{"incorrect_cvc", "incorrect_cvc",
                                       "Your card's security code is incorrect."};
inline constexpr Decline kProcessing{
    "processing_error", "processing_error",
    "An error occurred while processing your card. Try again in a little bit."};
inline constexpr Decline kVelocity{
    "card_declined", "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."};

enum class Fate : std::uint8_t {
    succeeds,
    declines,
    asks_payer,    // the payer proves who he is on the page behind the door; then it succeeds, or declines
    refund_fails,  // money comes in, and a refund is refused
    answer_lost,   // the first answer is lost; asked again, the acquirer says what it did
};

struct Card {
    std::string_view token, source_token, brand, last4, funding;
    Fate fate;
    const Decline* decline;  // null: none
};

// clang-format off
inline constexpr std::array kCards = {
    Card{"pm_card_visa", "tok_visa", "visa", "4242", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_visa_debit", "tok_visa_debit", "visa", "5556", "debit", Fate::succeeds, nullptr},
    Card{"pm_card_mastercard", "tok_mastercard", "mastercard", "4444", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_mastercard_debit", "tok_mastercard_debit", "mastercard", "3222", "debit", Fate::succeeds, nullptr},
    Card{"pm_card_mastercard_prepaid", "tok_mastercard_prepaid", "mastercard", "5100", "prepaid", Fate::succeeds, nullptr},
    Card{"pm_card_amex", "tok_amex", "amex", "0005", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_discover", "tok_discover", "discover", "1117", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_diners", "tok_diners", "diners", "0004", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_jcb", "tok_jcb", "jcb", "0505", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_unionpay", "tok_unionpay", "unionpay", "0005", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_chargeDeclined", "tok_chargeDeclined", "visa", "0002", "credit", Fate::declines, &kGeneric},
    Card{"pm_card_visa_chargeDeclined", "tok_visa_chargeDeclined", "visa", "0002", "credit", Fate::declines, &kGeneric},
    Card{"pm_card_chargeDeclinedInsufficientFunds", "tok_chargeDeclinedInsufficientFunds", "visa", "9995", "credit", Fate::declines, &kInsufficient},
    Card{"pm_card_visa_chargeDeclinedInsufficientFunds", "tok_visa_chargeDeclinedInsufficientFunds", "visa", "9995", "credit", Fate::declines, &kInsufficient},
    Card{"pm_card_chargeDeclinedLostCard", "tok_chargeDeclinedLostCard", "visa", "9987", "credit", Fate::declines, &kLost},
    Card{"pm_card_visa_chargeDeclinedLostCard", "tok_visa_chargeDeclinedLostCard", "visa", "9987", "credit", Fate::declines, &kLost},
    Card{"pm_card_chargeDeclinedStolenCard", "tok_chargeDeclinedStolenCard", "visa", "9979", "credit", Fate::declines, &kStolen},
    Card{"pm_card_visa_chargeDeclinedStolenCard", "tok_visa_chargeDeclinedStolenCard", "visa", "9979", "credit", Fate::declines, &kStolen},
    Card{"pm_card_chargeDeclinedFraudulent", "tok_chargeDeclinedFraudulent", "visa", "0019", "credit", Fate::declines, &kFraudulent},
    Card{"pm_card_chargeDeclinedExpiredCard", "tok_chargeDeclinedExpiredCard", "visa", "0069", "credit", Fate::declines, &kExpired},
    Card{"pm_card_chargeDeclinedIncorrectCvc", "tok_chargeDeclinedIncorrectCvc", "visa", "0127", "credit", Fate::declines, &kIncorrectCvc},
    Card{"pm_card_chargeDeclinedProcessingError", "tok_chargeDeclinedProcessingError", "visa", "0119", "credit", Fate::declines, &kProcessing},
    Card{"pm_card_visa_chargeDeclinedVelocityLimitExceeded", "tok_visa_chargeDeclinedVelocityLimitExceeded", "visa", "6975", "credit", Fate::declines, &kVelocity},
    Card{"pm_card_authenticationRequired", "tok_authenticationRequired", "visa", "3184", "credit", Fate::asks_payer, nullptr},
    Card{"pm_card_authenticationRequiredOnSetup", "tok_authenticationRequiredOnSetup", "visa", "3155", "credit", Fate::asks_payer, nullptr},
    Card{"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "tok_authenticationRequiredChargeDeclinedInsufficientFunds", "visa", "3178", "credit", Fate::asks_payer, &kInsufficient},
    Card{"pm_card_threeDSecure2Required", "tok_threeDSecure2Required", "visa", "3220", "credit", Fate::asks_payer, nullptr},
    Card{"pm_card_threeDSecureRequired", "tok_threeDSecureRequired", "visa", "3063", "credit", Fate::asks_payer, nullptr},
    Card{"pm_card_threeDSecureRequiredChargeDeclined", "tok_threeDSecureRequiredChargeDeclined", "visa", "1629", "credit", Fate::asks_payer, &kGeneric},
    Card{"pm_card_threeDSecureRequiredProcessingError", "tok_threeDSecureRequiredProcessingError", "visa", "1280", "credit", Fate::declines, &kProcessing},
    Card{"pm_card_threeDSecureOptional", "tok_threeDSecureOptional", "visa", "3055", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_amex_threeDSecureNotSupported", "tok_amex_threeDSecureNotSupported", "amex", "0005", "credit", Fate::succeeds, nullptr},
    Card{"pm_card_refundFail", "tok_refundFail", "visa", "5126", "credit", Fate::refund_fails, nullptr},
    Card{"pm_card_sandboxAnswerLost", "tok_sandboxAnswerLost", "visa", "4242", "credit", Fate::answer_lost, nullptr},
    Card{"pm_card_sandboxAnswerLostThenDeclined", "tok_sandboxAnswerLostThenDeclined", "visa", "0002", "credit", Fate::answer_lost, &kGeneric},
};
// clang-format on

[[nodiscard]] constexpr const Card* find_card(std::string_view token) {
    for (const Card& card : kCards)
        if (card.token == token) return &card;
    return nullptr;
}

// Test cards never expire in a test.
inline constexpr std::uint32_t kExpiryMonth = 12, kExpiryYear = 2040;

inline constexpr std::array<TestToken, kCards.size()> kTokens = [] {
    std::array<TestToken, kCards.size()> tokens{};
    for (std::size_t i = 0; i < kCards.size(); ++i)
        tokens[i] = {kCards[i].token, kCards[i].source_token, "card", kCards[i].brand,
                     kCards[i].last4, kCards[i].funding,      "US",   kExpiryMonth,
                     kExpiryYear};
    return tokens;
}();

}  // namespace kontor::connectors::sandbox

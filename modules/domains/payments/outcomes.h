#pragma once
// How commands of payments end, besides what the frame has.

#include "kontor/machine/outcome.h"

namespace kontor::payments::outcome {

using machine::AskAgain;
using machine::Kept;
using machine::Outcome;
namespace error_type = machine::error_type;

inline constexpr Outcome card_declined{
    2,         "card_declined", 402, error_type::card, "card_declined", "Your card was declined.",
    Kept::yes, AskAgain::no};
inline constexpr Outcome insufficient_funds{3,
                                            "insufficient_funds",
                                            402,
                                            error_type::card,
                                            "insufficient_funds",
                                            "The customer's balance does not cover the amount.",
                                            Kept::yes,
                                            AskAgain::no};
inline constexpr Outcome amount_too_large{5,
                                          "amount_too_large",
                                          400,
                                          error_type::invalid_request,
                                          "amount_too_large",
                                          "The amount is greater than what was authorised.",
                                          Kept::yes,
                                          AskAgain::no};
inline constexpr Outcome already_captured{
    6,
    "already_captured",
    400,
    error_type::invalid_request,
    "payment_intent_unexpected_state",
    "This PaymentIntent could not be captured because it has already been captured.",
    Kept::yes,
    AskAgain::no};
inline constexpr Outcome missing_payment_method{14,
                                                "missing_payment_method",
                                                400,
                                                error_type::invalid_request,
                                                "parameter_missing",
                                                "You cannot confirm this PaymentIntent because it's missing "
                                                "a payment method. Update the PaymentIntent with a "
                                                "payment method, or confirm it again with one.",
                                                Kept::no,
                                                AskAgain::no};
inline constexpr Outcome processing_error{
    19,
    "processing_error",
    402,
    error_type::card,
    "processing_error",
    "An error occurred while processing your payment. Try again in a little bit.",
    Kept::yes,
    AskAgain::no};
inline constexpr Outcome customer_deleted{20,
                                          "customer_deleted",
                                          400,
                                          error_type::invalid_request,
                                          "resource_missing",
                                          "This customer has been deleted.",
                                          Kept::no,
                                          AskAgain::no};

}  // namespace kontor::payments::outcome

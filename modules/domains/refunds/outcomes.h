#pragma once
// How commands of refunds end, besides what the frame has.

#include "kontor/machine/outcome.h"

namespace kontor::refunds::outcome {

using machine::AskAgain;
using machine::Kept;
using machine::Outcome;
namespace error_type = machine::error_type;

inline constexpr Outcome already_refunded{7,
                                          "already_refunded",
                                          400,
                                          error_type::invalid_request,
                                          "charge_already_refunded",
                                          "This charge has already been refunded.",
                                          Kept::yes,
                                          AskAgain::no};
inline constexpr Outcome refund_too_large{8,
                                          "refund_too_large",
                                          400,
                                          error_type::invalid_request,
                                          "amount_too_large",
                                          "The refund is greater than the unrefunded amount of the charge.",
                                          Kept::yes,
                                          AskAgain::no};
inline constexpr Outcome charge_not_refundable{9,
                                               "charge_not_refundable",
                                               400,
                                               error_type::invalid_request,
                                               "charge_not_refundable",
                                               "This charge cannot be refunded.",
                                               Kept::yes,
                                               AskAgain::no};
inline constexpr Outcome balance_insufficient{12,
                                              "balance_insufficient",
                                              400,
                                              error_type::invalid_request,
                                              "balance_insufficient",
                                              "Your balance does not cover this refund.",
                                              Kept::yes,
                                              AskAgain::no};

}  // namespace kontor::refunds::outcome

#pragma once
// How commands end for want of a channel, besides what the frame has.

#include "kontor/machine/outcome.h"

namespace kontor::channels::outcome {

using machine::AskAgain;
using machine::Kept;
using machine::Outcome;
namespace error_type = machine::error_type;

inline constexpr Outcome no_channel{24,
                                    "no_channel",
                                    400,
                                    error_type::invalid_request,
                                    "payment_method_not_available",
                                    "There is no channel for this payment method.",
                                    Kept::no,
                                    AskAgain::no};
inline constexpr Outcome too_many_notices{25,           "too_many_notices",
                                          429,          error_type::rate_limit,
                                          "rate_limit", "Too many notices of this account are remembered.",
                                          Kept::no,     AskAgain::yes};

}  // namespace kontor::channels::outcome

#pragma once
// How commands about channels end, besides what the frame has.

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
// Not kept: the change is made anew, of the credentials that are there now.
inline constexpr Outcome credentials_changed{33,
                                             "credentials_changed",
                                             409,
                                             error_type::invalid_request,
                                             "credentials_changed",
                                             "The credentials were changed meanwhile: send the change again.",
                                             Kept::no,
                                             AskAgain::no};
inline constexpr Outcome operation_not_offered{34,
                                               "operation_not_offered",
                                               400,
                                               error_type::invalid_request,
                                               "channel_operation_not_offered",
                                               "The channel of this payment does not offer that.",
                                               Kept::no,
                                               AskAgain::no};

}  // namespace kontor::channels::outcome

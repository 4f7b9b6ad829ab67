#pragma once
// How commands about gift cards end, besides what the frame has.

#include "kontor/machine/outcome.h"

namespace kontor::gift_cards::outcome {

inline constexpr machine::Outcome too_many{900,
                                           "too_many_gift_cards",
                                           400,
                                           machine::error_type::invalid_request,
                                           "gift_card_limit",
                                           "This customer has as many gift cards as one may have.",
                                           machine::Kept::no,
                                           machine::AskAgain::no};

}  // namespace kontor::gift_cards::outcome

#pragma once
// How commands of operators end, besides what the frame has.

#include "kontor/machine/outcome.h"

namespace kontor::operators {

namespace outcome {
inline constexpr machine::Outcome locked{18,
                                         "locked",
                                         423,
                                         machine::error_type::invalid_request,
                                         "locked",
                                         "Locked.",
                                         machine::Kept::no,
                                         machine::AskAgain::no};
}  // namespace outcome

}  // namespace kontor::operators

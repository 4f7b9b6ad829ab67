#pragma once
// How commands about approvals end, besides what the frame has.

#include "kontor/machine/outcome.h"

namespace kontor::approvals::outcome {

using machine::AskAgain;
using machine::Kept;
using machine::Outcome;
namespace error_type = machine::error_type;

inline constexpr Outcome already_decided{28,
                                         "already_decided",
                                         409,
                                         error_type::invalid_request,
                                         "already_decided",
                                         "This request was decided before.",
                                         Kept::yes,
                                         AskAgain::no};
inline constexpr Outcome request_expired{29,
                                         "request_expired",
                                         409,
                                         error_type::invalid_request,
                                         "request_expired",
                                         "This request was not decided in time.",
                                         Kept::yes,
                                         AskAgain::no};
inline constexpr Outcome own_request{
    30,
    "own_request",
    403,
    error_type::invalid_request,
    "own_request",
    "Who proposed it does not decide about it, and nobody else takes it back.",
    Kept::no,
    AskAgain::no};
inline constexpr Outcome policy_changed{31,
                                        "policy_changed",
                                        409,
                                        error_type::invalid_request,
                                        "policy_changed",
                                        "The policy was changed meanwhile.",
                                        Kept::no,
                                        AskAgain::no};
inline constexpr Outcome too_few_people{32,
                                        "too_few_people",
                                        409,
                                        error_type::invalid_request,
                                        "too_few_people",
                                        "There are not two operators who could decide.",
                                        Kept::no,
                                        AskAgain::no};

}  // namespace kontor::approvals::outcome

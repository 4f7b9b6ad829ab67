#pragma once
// How commands of a merchant's book end, besides what the frame has: each transfer has its own status.

#include "kontor/machine/outcome.h"

namespace kontor::ledger_book::outcome {

inline constexpr machine::Outcome too_many_failed_ids{
    23,
    "too_many_failed_ids",
    429,
    machine::error_type::invalid_request,
    "too_many_failed_ids",
    "Too many transfers of this book failed within two days, and nothing of this request was tried. See "
    "docs/ledger-api.md, \"Retries\".",
    machine::Kept::no,
    machine::AskAgain::yes};

}  // namespace kontor::ledger_book::outcome

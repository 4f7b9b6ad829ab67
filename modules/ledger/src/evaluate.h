#pragma once
// One transfer: what the answer is and what it would change. The order of the checks is the table in
// README.md.

#include "changes.h"

namespace kontor::ledger {

// Reads through `rows`, writes nothing. `out` is complete when the answer is ok and unspecified otherwise.
[[nodiscard]] Status evaluate(const RowView& rows, const Transfer& request, std::uint64_t now_ms,
                              std::uint64_t timestamp, Changes& out);

// Takes a pending transfer's reservation off both accounts.
void release_reservation(Account& debit, Account& credit, std::uint64_t amount);

}  // namespace kontor::ledger

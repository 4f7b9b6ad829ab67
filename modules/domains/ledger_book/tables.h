#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::ledger_book {

inline constexpr machine::DueKind kFailedIdsDue{7};
inline constexpr std::size_t kFailedIdsBytes = 8 + 1 + 8;
[[nodiscard]] inline machine::Key failed_ids_payload(machine::Scope scope, std::uint64_t generation) {
    return machine::Key().scope(scope).be64(generation);
}

// The highest timestamp of any book, in the frame's table `instance`.
[[nodiscard]] inline machine::Key last_ledger_timestamp_key() {
    return machine::Key().byte('l');
}

}  // namespace kontor::ledger_book

#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::attempts {

namespace table {
inline constexpr store::TableId attempts = 30;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::attempts, "channel_attempts", machine::partition_by::whole_key, false},
};

inline constexpr machine::LinkKind kIntentAttempt{'a'};

inline constexpr machine::OutboxKind kAttemptOutbox{'a'};

// When an attempt that waits for its payer ends.
inline constexpr machine::DueKind kExpiryDue{9};
inline constexpr std::size_t kExpiryDueBytes = 8;
[[nodiscard]] inline machine::Key expiry_due_key(std::int64_t expires_ms, std::uint64_t no) {
    return machine::due_key(kExpiryDue, machine::DueClock::machine, expires_ms).be64(no);
}

}  // namespace kontor::attempts

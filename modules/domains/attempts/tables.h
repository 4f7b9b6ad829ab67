#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::attempts {

namespace table {
inline constexpr store::TableId attempts = 30;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::attempts, "channel_attempts", machine::home::whole_key, false},
};

inline constexpr machine::LinkKind kIntentAttempt{'a'};

inline constexpr machine::OutboxKind kAttemptOutbox{'a'};

}  // namespace kontor::attempts

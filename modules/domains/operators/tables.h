#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::operators {

namespace table {
inline constexpr store::TableId operators = 13;
inline constexpr store::TableId sessions = 14;
inline constexpr store::TableId setup_tokens = 15;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::operators, "operators", machine::partition_by::singleton, true},
    store::TableSpec{table::sessions, "sessions", machine::partition_by::whole_key, false},
    store::TableSpec{table::setup_tokens, "setup_tokens", machine::partition_by::whole_key, false},
};

inline constexpr machine::DueKind kSessionDue{3};
inline constexpr machine::DueKind kSetupTokenDue{4};

[[nodiscard]] inline machine::Key operator_key(std::uint64_t no) {
    return machine::Key().byte('o').byte('#').be64(no);
}
[[nodiscard]] inline machine::Key operator_name_key(std::string_view name) {
    return machine::Key().byte('o').byte('n').bytes(name);
}

}  // namespace kontor::operators

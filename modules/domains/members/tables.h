#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::members {

namespace table {
inline constexpr store::TableId cluster = 35;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::cluster, "cluster", machine::partition_by::singleton, true},
};

inline constexpr machine::DueKind kJoinTokenDue{6};

[[nodiscard]] inline machine::Key cluster_key() {
    return machine::Key().byte('c').byte('c');
}
[[nodiscard]] inline machine::Key cluster_node_key(std::uint64_t no) {
    return machine::Key().byte('c').byte('n').be64(no);
}
[[nodiscard]] inline machine::Key join_token_key(std::string_view token_sha256) {
    return machine::Key().byte('c').byte('t').bytes(token_sha256);
}

}  // namespace kontor::members

#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::accounts {

namespace table {
inline constexpr store::TableId merchants = 11;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::merchants, "merchants", machine::partition_by::singleton, true},
};

[[nodiscard]] inline machine::Key merchant_key(std::uint64_t no) {
    return machine::Key().byte('m').be64(no);
}

}  // namespace kontor::accounts

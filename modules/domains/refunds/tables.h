#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::refunds {

namespace table {
inline constexpr store::TableId refunds = 23;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::refunds, "refunds", machine::partition_by::merchant, true},
};

inline constexpr machine::LinkKind kIntentRefund{'R'};
inline constexpr machine::LinkKind kChargeRefund{'r'};

}  // namespace kontor::refunds

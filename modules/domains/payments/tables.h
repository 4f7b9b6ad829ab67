#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::payments {

namespace table {
inline constexpr store::TableId intents = 21;
inline constexpr store::TableId charges = 22;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::intents, "payment_intents", machine::partition_by::merchant, true},
    store::TableSpec{table::charges, "charges", machine::partition_by::merchant, true},
};

inline constexpr machine::LinkKind kCustomerIntent{'i'};
inline constexpr machine::LinkKind kCustomerCharge{'c'};
inline constexpr machine::LinkKind kIntentCharge{'C'};
inline constexpr machine::LinkKind kIntentAuditRecord{'j'};

}  // namespace kontor::payments

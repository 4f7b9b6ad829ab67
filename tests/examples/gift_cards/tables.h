#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen.

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::gift_cards {

namespace table {
inline constexpr store::TableId gift_cards = 200;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::gift_cards, "gift_cards", machine::partition_by::merchant, true},
};

inline constexpr machine::LinkKind kCustomerGiftCard{'G'};

}  // namespace kontor::gift_cards

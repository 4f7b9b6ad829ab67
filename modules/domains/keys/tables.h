#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::keys {

namespace table {
inline constexpr store::TableId api_keys = 12;
inline constexpr store::TableId merchant_keys = 34;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::api_keys, "api_keys", machine::partition_by::whole_key, false},
    store::TableSpec{table::merchant_keys, "merchant_keys", machine::partition_by::merchant, true},
};

}  // namespace kontor::keys

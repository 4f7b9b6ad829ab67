#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::customers {

namespace table {
inline constexpr store::TableId customers = 20;
inline constexpr store::TableId customer_emails = 28;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::customers, "customers", machine::partition_by::merchant, true},
    store::TableSpec{table::customer_emails, "customer_emails", machine::partition_by::merchant, true},
};

}  // namespace kontor::customers

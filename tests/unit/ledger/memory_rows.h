#pragma once
// The rows of a ledger alone.

#include "kontor/ledger/ledger.h"
#include "support/memory_rows.h"

namespace kontor::ledger::testing {

class MemoryRows : public kontor::testing::MemoryRows {
 public:
    MemoryRows() : kontor::testing::MemoryRows(tables()) {}

    // For verify(): every row of a table.
    [[nodiscard]] TableVisitor visitor() const {
        return [this](store::TableId table, const Visitor& visit) { visit_table(table, visit); };
    }
};

}  // namespace kontor::ledger::testing

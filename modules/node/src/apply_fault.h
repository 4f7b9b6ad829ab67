#pragma once
// Where a test makes a node diverge. The product has no fault: faulty() is its argument. The test binary
// kontor_next compiles apply_fault.cc with KONTOR_DIVERGENCE_FOR_TESTS, and then the environment variable
//
//   TEST_KONTOR_DIVERGE=<index>
//
// of that process makes one change to what the node applies: in the first entry from <index> on that changes
// an account of the ledger, the first account row of it gets another user_data_32, and a checksum that fits.
// Only this once for each run of the process. (Names that begin with KONTOR_ are settings.)
//
// Threading: the apply thread. Ownership: the answer is valid until the next call.

#include <cstdint>

#include "kontor/store/row_store.h"

namespace kontor::node {

[[nodiscard]] store::Writer& faulty(store::Writer& rows, std::uint64_t index);

}  // namespace kontor::node

#pragma once
// How the times of an entry become those of the state.

#include <cstdint>
#include <vector>

#include "kontor/payments/machine.h"

namespace kontor::payments {

// Machine time never goes back, whatever leaders say. UTC follows them, and waits for one that is a little
// behind.
[[nodiscard]] LogTimes advance_times(store::Writer& rows, std::uint64_t index, Times said);

// The first object numbers after which `created` begins anew, since the log's UTC went back: ascending,
// without 0. Nearly always none. The newest limits::kUtcStepsKept; what lies before the oldest counts as one
// stretch.
[[nodiscard]] std::vector<std::uint64_t> utc_steps(const store::Reader& rows);

}  // namespace kontor::payments

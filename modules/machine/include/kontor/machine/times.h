#pragma once
// The times of an entry (docs/adr/0010), and how they become those of the state.

#include <cstdint>
#include <vector>

#include "kontor/store/row_store.h"

namespace kontor::machine {

// Never compare one with another.
struct Times {
    std::int64_t machine_ms =
        0;  // what deadlines and time-outs are set and read by: never goes back, never steps
    std::int64_t utc_ms =
        0;  // what people read and calendars go by: the wall clock of whoever led, right or not
    std::int64_t running_ms =
        0;  // machine time that passed while entries were made: what promises to clients are kept by
};

struct LogTimes : Times {
    std::int64_t highest_utc_ms = 0;  // that any entry up to this one had
};

// Of the newest entry that these rows know.
[[nodiscard]] LogTimes last_times(const store::Reader& rows);
// Machine time never goes back, whatever leaders say. UTC follows them, and waits for one that is a little
// behind. Of what passed since the entry before, at most limits::kRunningGapMs count as running.
[[nodiscard]] LogTimes advance_times(store::Writer& rows, std::uint64_t index, Times said);
// Those of an entry that is made now: what due work is compared with.
[[nodiscard]] Times times_at(const store::Reader& rows, std::int64_t machine_ms, std::int64_t utc_ms);

// The first object numbers after which `created` begins anew, since the log's UTC went back: ascending,
// without 0. Nearly always none. The newest limits::kUtcStepsKept; what lies before the oldest counts as one
// stretch.
[[nodiscard]] std::vector<std::uint64_t> utc_steps(const store::Reader& rows);

[[nodiscard]] constexpr bool is_due(const Times& due, const Times& now) {
    return (due.machine_ms != 0 && due.machine_ms <= now.machine_ms) ||
           (due.utc_ms != 0 && due.utc_ms <= now.utc_ms) ||
           (due.running_ms != 0 && due.running_ms <= now.running_ms);
}

}  // namespace kontor::machine

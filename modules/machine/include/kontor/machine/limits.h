#pragma once
// Limits of what all domains share. Each domain has its own in its limits.h; API documentation and validation
// read them from there.

#include <cstddef>
#include <cstdint>

namespace kontor::machine::limits {

inline constexpr std::size_t kMetadataKeys = 50;
inline constexpr std::size_t kMetadataKeyBytes = 40;     // characters; no brackets
inline constexpr std::size_t kMetadataValueBytes = 500;  // characters
inline constexpr std::size_t kIdempotencyKeyBytes = 255;
inline constexpr std::int64_t kIdempotencyKeepMs = 24LL * 3600 * 1000;  // of running time
inline constexpr std::size_t kNameBytes = 256;
inline constexpr std::size_t kDescriptionBytes = 1000;
inline constexpr std::size_t kReasonBytes = 500;  // why an operator does something
inline constexpr std::size_t kUrlBytes = 2048;
inline constexpr std::size_t kExpandDepth = 4;
inline constexpr std::size_t kExpandPaths = 20;
inline constexpr std::size_t kListLimitMax = 100;
inline constexpr std::size_t kListLimitDefault = 10;
inline constexpr std::size_t kListScanMax =
    10'000;                                       // rows a filtered list looks at before it asks to continue
inline constexpr std::size_t kDuePerEntry = 512;  // timeouts, releases and clean-ups a Tick does at once
inline constexpr std::size_t kDueShare = 42;      // of these, what each kind has for itself
// What numbers there are for a command (object_id.h, 1,023) is shared out: an event takes one and at most so
// many to be announced, a row of due work at most so many with its events.
inline constexpr std::uint64_t kAnnouncedPerEvent = 16;
inline constexpr std::uint64_t kNumbersPerDueRow = 64;
// A wall clock that is so little behind the log's UTC is waited for: `created` then grows with the number.
inline constexpr std::int64_t kUtcHoldMs = 1000;
// What passes between two entries counts as running time up to this. Long enough that a quiet hour counts in
// part, short enough that a day of it takes 144 restarts with a clock that is ahead.
inline constexpr std::int64_t kRunningGapMs = 10LL * 60 * 1000;
inline constexpr std::size_t kUtcStepsKept = 64;  // where it went back by more, for lists by time

}  // namespace kontor::machine::limits

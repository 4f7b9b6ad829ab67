#pragma once
// Object numbers. How clients see them is kontor/crypto/public_id.h.
//
// An object number is derived from the log position, never random, so that every node makes the same:
//     group (4 bits) | log index (41) | command in the batch (9) | object in the command (10)
// Within a group, whose rows never meet another group's, numbers rise with the log. docs/formats/numbers.md
// has the arithmetic: 120 years at 50 million entries a day, almost 5 at 14,000 entries a second. Limits: 16
// groups, 2^41 - 1 log entries each, 512 commands a batch, 1,023 objects a command (0: itself).

#include <cstdint>

namespace kontor {

using ObjectNo = std::uint64_t;

// Frozen: they are in every row.
inline constexpr unsigned kObjectBits = 10;
inline constexpr unsigned kCommandBits = 9;
inline constexpr unsigned kIndexBits = 41;
inline constexpr unsigned kGroupBits = 4;
static_assert(kObjectBits + kCommandBits + kIndexBits + kGroupBits == 64);
inline constexpr std::uint64_t kMaxCommandsPerBatch = std::uint64_t{1} << kCommandBits;
inline constexpr std::uint64_t kMaxObjectsPerCommand = (std::uint64_t{1} << kObjectBits) - 1;
inline constexpr std::uint64_t kMaxLogIndex = (std::uint64_t{1} << kIndexBits) - 1;
inline constexpr std::uint64_t kMaxGroup = (std::uint64_t{1} << kGroupBits) - 1;
inline constexpr std::uint64_t kFirstGroup = 0;  // the only one so far

// How long numbers last, a year having 365.25 days.
inline constexpr std::uint64_t kHoursPerYear = 8'766;
static_assert(kMaxLogIndex >= 50'000'000ULL / 24 * kHoursPerYear * 100, "100 years at 50 million a day");
static_assert(kMaxLogIndex >= 14'000ULL * 3'600 * kHoursPerYear * 2, "2 years at 14,000 a second");

// Every part within its limit.
[[nodiscard]] constexpr ObjectNo make_object_no(std::uint64_t group, std::uint64_t log_index,
                                                std::uint64_t command, std::uint64_t object) {
    return (group << (kIndexBits + kCommandBits + kObjectBits)) |
           (log_index << (kCommandBits + kObjectBits)) | (command << kObjectBits) | object;
}
// The number of the command that made the object: its audit record's key.
[[nodiscard]] constexpr ObjectNo command_no(ObjectNo no) {
    return no & ~kMaxObjectsPerCommand;
}
// The last number that the command of this one may have given.
[[nodiscard]] constexpr ObjectNo last_of_command(ObjectNo no) {
    return no | kMaxObjectsPerCommand;
}
[[nodiscard]] constexpr std::uint64_t log_index_of(ObjectNo no) {
    return (no >> (kCommandBits + kObjectBits)) & kMaxLogIndex;
}
[[nodiscard]] constexpr std::uint64_t command_in_batch(ObjectNo no) {
    return (no >> kObjectBits) & (kMaxCommandsPerBatch - 1);
}
[[nodiscard]] constexpr std::uint64_t group_of(ObjectNo no) {
    return no >> (kIndexBits + kCommandBits + kObjectBits);
}

}  // namespace kontor

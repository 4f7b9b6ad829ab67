#pragma once
// The names under which clients see what is in the rows: ids of objects, and tokens of log positions.
//
// Numbers of objects rise with the log, so two of them would tell any merchant how much the whole platform
// did in between. Outside they go through a permutation (permutation.h) whose key is made once, lies in the
// replicated state and is the same on every node and in a restored folder; rows and order keep the numbers.
//
//     id      prefix '_' 11 base62 digits                  "pi_7qW0hZkT3mB"
//     token   '1' and twice 11 base62 digits: version, a random number, and group and index with 19 bits of
//             zeros, which check it
//
// A token differs each time: two of them must not tell how often the log grew meanwhile.
//
// The key belongs to the instance, and a process is one instance: it is set once the state is known (node) or
// made (domains/instance), before anything is formatted.
//
// Threading: any thread; formatting and parsing wait for nobody. Errors: parsing answers nullopt, also before
// the key is set; formatting without a key is a broken invariant. Limits: below 0.2 us each. Bytes:
// docs/formats/public-ids.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/base/object_id.h"

namespace kontor {

inline constexpr std::size_t kIdKeyBytes = 16;
// The same key again changes nothing. Another one replaces it: of another instance, which tests have.
void set_id_key(std::string_view key);

[[nodiscard]] std::string format_id(std::string_view prefix, ObjectNo no);
// nullopt unless `id` is exactly prefix + '_' + 11 digits that fit 64 bits and are not number 0 ("none").
[[nodiscard]] std::optional<ObjectNo> parse_id(std::string_view prefix, std::string_view id);

struct LogPosition {
    std::uint64_t group = kFirstGroup;
    std::uint64_t index = 0;
    bool operator==(const LogPosition&) const = default;
};
[[nodiscard]] std::string format_position(LogPosition position);
// For examples: `chance` in place of the random number.
[[nodiscard]] std::string format_position(LogPosition position, std::uint64_t chance);
// nullopt: made by nobody here, or of a version to come.
[[nodiscard]] std::optional<LogPosition> parse_position(std::string_view token);

}  // namespace kontor

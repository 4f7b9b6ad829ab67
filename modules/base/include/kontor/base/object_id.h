#pragma once
// Object numbers and the ids that merchants see.
//
// An object number is derived from the log position, never random, so that every node makes the same:
//     no = log index (36 bits) << 28 | command in the batch (16 bits) << 12 | object in the command (12 bits)
// An id is PREFIX '_' + 11 base62 digits of `no`, zero-padded, alphabet 0-9A-Za-z, so that ids of one
// kind sort like their numbers: "pi_00000000G8x".
//
// Limits: 2^36 log entries, 65,536 commands a batch, 4,096 objects a command.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kontor {

using ObjectNo = std::uint64_t;

inline constexpr unsigned kObjectBits = 12;
inline constexpr unsigned kCommandBits = 16;
inline constexpr std::uint64_t kMaxCommandsPerBatch = std::uint64_t{1} << kCommandBits;
inline constexpr std::uint64_t kMaxObjectsPerCommand = std::uint64_t{1} << kObjectBits;
inline constexpr std::uint64_t kMaxLogIndex = (std::uint64_t{1} << (64 - kObjectBits - kCommandBits)) - 1;

[[nodiscard]] constexpr ObjectNo make_object_no(std::uint64_t log_index, std::uint64_t command,
                                                std::uint64_t object) {
    return (log_index << (kObjectBits + kCommandBits)) | (command << kObjectBits) | object;
}
// The number of the command that made the object: its journal row's key.
[[nodiscard]] constexpr ObjectNo command_no(ObjectNo no) {
    return no & ~(kMaxObjectsPerCommand - 1);
}
[[nodiscard]] constexpr std::uint64_t log_index_of(ObjectNo no) {
    return no >> (kObjectBits + kCommandBits);
}

[[nodiscard]] std::string format_id(std::string_view prefix, ObjectNo no);
// nullopt unless `id` is exactly prefix + '_' + 11 digits that fit 64 bits and are not all zero (0: none).
[[nodiscard]] std::optional<ObjectNo> parse_id(std::string_view prefix, std::string_view id);

}  // namespace kontor

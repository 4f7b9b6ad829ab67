#pragma once
// XXH3: which partition a partition key lives in (a disk format: docs/formats/partition.md), the hashes of
// entries (entry_hasher.h) and of content (content_sum.h). All must give the same bytes on every machine,
// forever.

#include <cstdint>
#include <string>
#include <string_view>

namespace kontor::store {

inline constexpr std::size_t kStateHashBytes = 16;

[[nodiscard]] std::uint64_t hash64(std::string_view bytes);
struct Hash128 {
    std::uint64_t low, high;
};
[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed);
[[nodiscard]] Hash128 hash128(std::string_view bytes, std::uint64_t seed);

[[nodiscard]] std::string canonical(const Hash128& hash);  // 16 bytes, big-endian

}  // namespace kontor::store

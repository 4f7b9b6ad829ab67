#include "kontor/store/hashing.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kontor::store {

std::uint64_t hash64(std::string_view bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 hash128(std::string_view bytes, std::uint64_t seed) {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
    return {hash.low64, hash.high64};
}

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::string canonical(const Hash128& hash) {
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, XXH128_hash_t{hash.low, hash.high});
    return std::string(reinterpret_cast<const char*>(bytes.digest), sizeof bytes.digest);
}

}  // namespace kontor::store

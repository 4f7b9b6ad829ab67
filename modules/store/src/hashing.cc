#include "hashing.h"

#include <cstring>

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

struct StateHash::State {
    XXH3_state_t xxh;
};

StateHash::StateHash() : state_(new State) {
    XXH3_128bits_reset(&state_->xxh);
}
StateHash::~StateHash() {
    delete state_;
}

void StateHash::begin(std::string_view previous) {
    XXH3_128bits_reset(&state_->xxh);
    XXH3_128bits_update(&state_->xxh, previous.data(), previous.size());
}

void StateHash::change(std::uint8_t table, std::uint8_t op, std::string_view key, std::string_view value) {
    const auto key_bytes = static_cast<std::uint16_t>(key.size());
    const auto value_bytes = static_cast<std::uint32_t>(value.size());
    std::array<unsigned char, 8> head{table, op};
    std::memcpy(head.data() + 2, &key_bytes, sizeof key_bytes);
    std::memcpy(head.data() + 4, &value_bytes, sizeof value_bytes);
    XXH3_128bits_update(&state_->xxh, head.data(), head.size());
    XXH3_128bits_update(&state_->xxh, key.data(), key.size());
    XXH3_128bits_update(&state_->xxh, value.data(), value.size());
}

void StateHash::put(std::uint8_t table, std::string_view key, std::string_view value) {
    change(table, 1, key, value);
}
void StateHash::erase(std::uint8_t table, std::string_view key) {
    change(table, 2, key, {});
}

std::string StateHash::finish(std::uint64_t index) {
    XXH3_128bits_update(&state_->xxh, &index, sizeof index);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state_->xxh));
    return std::string(reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest);
}

}  // namespace kontor::store

#pragma once
// XXH3 in its two roles: which partition a home lives in (a disk format: docs/formats/partition.md) and the
// state hash chained over all row changes. Both must give the same bytes on every machine, forever.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace kontor::store {

inline constexpr std::size_t kStateHashBytes = 16;

[[nodiscard]] std::uint64_t hash64(std::string_view bytes);
struct Hash128 {
    std::uint64_t low, high;
};
[[nodiscard]] Hash128 hash128(std::string_view bytes, std::uint64_t seed);

// State hash of an entry = XXH3_128(previous hash | its changes in order | index LE64), canonical
// (big-endian) form. One change = table u8, op u8 (1 put, 2 erase), key length LE16, value length LE32, key,
// value.
class StateHash {
 public:
    StateHash();
    ~StateHash();
    StateHash(const StateHash&) = delete;
    StateHash& operator=(const StateHash&) = delete;

    void begin(std::string_view previous);
    void put(std::uint8_t table, std::string_view key, std::string_view value);
    void erase(std::uint8_t table, std::string_view key);
    [[nodiscard]] std::string finish(std::uint64_t index);

 private:
    void change(std::uint8_t table, std::uint8_t op, std::string_view key, std::string_view value);
    struct State;
    State* state_;
};

}  // namespace kontor::store

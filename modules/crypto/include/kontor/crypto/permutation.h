#pragma once
// A keyed permutation of 64-bit numbers: a balanced Feistel network over two halves of 32 bits, six rounds of
// SipHash-2-4. Luby and Rackoff (1988); for six rounds Patarin (CRYPTO 2004): nobody tells it from a random
// permutation by fewer than about 2^32 pairs of his choice. docs/formats/public-ids.md has an example.
//
// A round hashes six bytes, which are one block: the compression is written out here and the key's part of it
// made once, since libsodium's call for any length takes twice as long. A test compares it with libsodium's.
//
// It hides order and distance of numbers; it authenticates nothing, and no money hangs on it.
//
// Threading: constant after construction. Errors: none. Limits: below 0.1 us each way, and no memory.

#include <array>
#include <cstdint>
#include <string_view>

namespace kontor::crypto {

class Permutation {
 public:
    static constexpr std::size_t kKeyBytes = 16;
    static constexpr unsigned kRounds = 6;
    // One key has 256 permutations that say nothing about each other: one a purpose. Purposes are frozen.
    Permutation(std::string_view key, std::uint8_t purpose);
    [[nodiscard]] std::uint64_t forward(std::uint64_t number) const;
    [[nodiscard]] std::uint64_t backward(std::uint64_t number) const;

 private:
    [[nodiscard]] std::uint32_t round(unsigned number, std::uint32_t half) const;

    std::array<std::uint64_t, 4> state_{};         // SipHash after its key
    std::array<std::uint64_t, kRounds> blocks_{};  // a round's block without its half
};

}  // namespace kontor::crypto

#include "kontor/crypto/permutation.h"

#include <bit>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"

namespace kontor::crypto {
namespace {

// SipHash-2-4 (Aumasson and Bernstein, INDOCRYPT 2012), whose numbers these are.
constexpr std::array<std::uint64_t, 4> kInitial = {0x736f6d6570736575, 0x646f72616e646f6d, 0x6c7967656e657261,
                                                   0x7465646279746573};
constexpr std::uint64_t kMessageBytes = 6;  // round, purpose, half
constexpr std::uint64_t kEnd = 0xff;

inline void sip_round(std::array<std::uint64_t, 4>& v) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] = std::rotl(v[2], 32);
}

}  // namespace

Permutation::Permutation(std::string_view key, std::uint8_t purpose) {
    KONTOR_ASSERT(key.size() == kKeyBytes, "the key of a permutation has 16 bytes");
    const auto low = get_le<std::uint64_t>(key), high = get_le<std::uint64_t>(key.substr(8));
    state_ = {kInitial[0] ^ low, kInitial[1] ^ high, kInitial[2] ^ low, kInitial[3] ^ high};
    for (unsigned i = 0; i < kRounds; ++i)
        blocks_.at(i) = (kMessageBytes << 56U) | (std::uint64_t{purpose} << 8U) | i;
}

// The block's bytes, the first one lowest: round, purpose, half (big-endian), 0, length.
inline std::uint32_t Permutation::round(unsigned number, std::uint32_t half) const {
    const std::uint64_t block = blocks_[number] | (std::uint64_t{__builtin_bswap32(half)} << 16U);
    std::array<std::uint64_t, 4> v = state_;
    v[3] ^= block;
    sip_round(v);
    sip_round(v);
    v[0] ^= block;
    v[2] ^= kEnd;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return __builtin_bswap32(static_cast<std::uint32_t>(v[0] ^ v[1] ^ v[2] ^ v[3]));
}

std::uint64_t Permutation::forward(std::uint64_t number) const {
    auto left = static_cast<std::uint32_t>(number >> 32U);
    auto right = static_cast<std::uint32_t>(number);
    for (unsigned i = 0; i < kRounds; ++i) {
        const std::uint32_t mixed = left ^ round(i, right);
        left = right;
        right = mixed;
    }
    return (std::uint64_t{left} << 32U) | right;
}

std::uint64_t Permutation::backward(std::uint64_t number) const {
    auto left = static_cast<std::uint32_t>(number >> 32U);
    auto right = static_cast<std::uint32_t>(number);
    for (unsigned i = kRounds; i > 0; --i) {
        const std::uint32_t mixed = right ^ round(i - 1, left);
        right = left;
        left = mixed;
    }
    return (std::uint64_t{left} << 32U) | right;
}

}  // namespace kontor::crypto

#include "kontor/crypto/permutation.h"

#include <sodium.h>

#include <algorithm>

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"

namespace kontor::crypto {

static_assert(Permutation::kKeyBytes == crypto_shorthash_siphash24_KEYBYTES);

Permutation::Permutation(std::string_view key, std::uint8_t purpose) : purpose_(purpose) {
    KONTOR_ASSERT(key.size() == kKeyBytes, "the key of a permutation has 16 bytes");
    std::copy(key.begin(), key.end(), key_.begin());
}

// Six bytes are one block of SipHash.
std::uint32_t Permutation::round(unsigned number, std::uint32_t half) const {
    const std::array<unsigned char, 6> message = {
        static_cast<unsigned char>(number),      purpose_,
        static_cast<unsigned char>(half >> 24U), static_cast<unsigned char>(half >> 16U),
        static_cast<unsigned char>(half >> 8U),  static_cast<unsigned char>(half)};
    std::array<unsigned char, crypto_shorthash_siphash24_BYTES> hash{};
    crypto_shorthash_siphash24(hash.data(), message.data(), message.size(), key_.data());
    return get_be32({reinterpret_cast<const char*>(hash.data()), 4});
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

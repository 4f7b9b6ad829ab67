#include "kontor/crypto/crypto.h"

namespace kontor::crypto {
namespace {

// Groups of `bits` bits, most significant first; the last group is filled with zeros.
std::string encode(std::string_view bytes, std::string_view alphabet, unsigned bits) {
    std::string out;
    out.reserve(bytes.size() * 8 / bits + 4);
    std::uint32_t window = 0;
    unsigned held = 0;
    const std::uint32_t mask = (1U << bits) - 1;
    for (const char c : bytes) {
        window = (window << 8U) | static_cast<unsigned char>(c);
        held += 8;
        while (held >= bits) {
            held -= bits;
            out.push_back(alphabet[(window >> held) & mask]);
        }
    }
    if (held > 0) out.push_back(alphabet[(window << (bits - held)) & mask]);
    return out;
}

}  // namespace

std::string base64(std::string_view bytes) {
    std::string out = encode(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6);
    while (out.size() % 4 != 0) out.push_back('=');
    return out;
}

std::string base32(std::string_view bytes) {
    return encode(bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5);
}

}  // namespace kontor::crypto

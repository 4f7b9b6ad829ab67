#include <sodium.h>

#include "kontor/crypto/crypto.h"

namespace kontor::crypto {
namespace {

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

}  // namespace

std::string base64(std::string_view bytes) {
    constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
    std::string out(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
    sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                      bytes.size(), kVariant);
    out.pop_back();  // its zero
    return out;
}

// Neither libsodium nor OpenSSL has it. Groups of five bits, most significant first; the last one is filled
// with zeros.
std::string base32(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() * 8 / 5 + 1);
    std::uint32_t window = 0;
    unsigned held = 0;
    for (const char c : bytes) {
        window = (window << 8U) | static_cast<unsigned char>(c);
        held += 8;
        while (held >= 5) {
            held -= 5;
            out.push_back(kBase32[(window >> held) & 31U]);
        }
    }
    if (held > 0) out.push_back(kBase32[(window << (5 - held)) & 31U]);
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    std::string out(text.size() / 4 * 3 + 3, '\0');
    std::size_t size = 0;
    // Without an end pointer it refuses what is not read to the end, and left-over bits.
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(),
                          nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return std::nullopt;
    out.resize(size);
    return out;
}

std::optional<std::string> from_base32(std::string_view text) {
    std::string out;
    std::uint32_t window = 0;
    unsigned held = 0;
    for (const char c : text) {
        const auto digit = kBase32.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        window = (window << 5U) | static_cast<std::uint32_t>(digit);
        held += 5;
        if (held < 8) continue;
        held -= 8;
        out.push_back(static_cast<char>((window >> held) & 0xFFU));
    }
    if (held >= 5 || (window & ((1U << held) - 1)) != 0) return std::nullopt;
    return out;
}

}  // namespace kontor::crypto

#include "clean_text.h"

#include <cstdint>

namespace kontor::outbox {
namespace {

// Bytes of the character at the front of `text`, 0 when it is none (RFC 3629: no overlong forms, no
// surrogates).
std::size_t character_bytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7F ? 1 : 0;
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
    if (size == 0 || first > 0xF4 || text.size() < size) return 0;
    std::uint32_t code = first & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return 0;
        code = (code << 6U) | (byte(i) & 0x3FU);
    }
    const std::uint32_t least = size == 2 ? 0x80 : size == 3 ? 0x800 : 0x1'0000;
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code >= least && code <= 0x10'FFFF && !surrogate ? size : 0;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t max_bytes) {
    std::string out;
    while (!text.empty()) {
        const std::size_t size = character_bytes(text);
        const std::string_view next = size == 0 ? "?" : text.substr(0, size);
        if (out.size() + next.size() > max_bytes) break;
        out += next;
        text.remove_prefix(size == 0 ? 1 : size);
    }
    return out;
}

}  // namespace kontor::outbox

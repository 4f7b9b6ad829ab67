#include "clean_text.h"

#include "kontor/json/utf8.h"

namespace kontor::outbox {
namespace {

// Bytes of the character at the front of `text`; 0: it is none, or a control character.
std::size_t character_bytes(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    return first < 0x20 || first == 0x7F ? 0 : utf8_sequence(text);
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

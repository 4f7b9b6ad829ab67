#pragma once
// ASCII case and character classes of HTTP, without a locale.

#include <cstddef>
#include <string_view>

namespace kontor::http {

[[nodiscard]] constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
    return true;
}

// RFC 9110 5.6.2: field names and methods.
[[nodiscard]] constexpr bool is_token(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text) {
        const bool letter_or_digit =
            (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
        if (!letter_or_digit && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos)
            return false;
    }
    return true;
}

// No control character but the tab: nothing that could end a line.
[[nodiscard]] constexpr bool is_field_value(std::string_view text) {
    for (const char c : text)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) return false;
    return true;
}

}  // namespace kontor::http

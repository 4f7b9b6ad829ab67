#include "encoding.h"

#include <algorithm>
#include <optional>

namespace kontor::admin {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// The next element of a comma-separated list, taken off its front.
std::string_view next_element(std::string_view& list) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view element = trimmed(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    return element;
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
        return lower(x) == lower(y);
    });
}

// "q=0", "q=0.000" and so on.
bool is_zero_quality(std::string_view parameters) {
    const std::string_view text = trimmed(parameters);
    if (text.size() < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') return false;
    return text.substr(2).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

bool accepts_encoding(std::string_view field, std::string_view coding) {
    std::optional<bool> any;
    while (!field.empty()) {
        const std::string_view element = next_element(field);
        const std::size_t semicolon = std::min(element.find(';'), element.size());
        const std::string_view name = trimmed(element.substr(0, semicolon));
        const bool wanted = semicolon == element.size() || !is_zero_quality(element.substr(semicolon + 1));
        if (same_word(name, coding)) return wanted;
        if (name == "*") any = wanted;
    }
    return any.value_or(false);
}

bool matches_etag(std::string_view field, std::string_view etag) {
    const auto strong = [](std::string_view tag) { return tag.starts_with("W/") ? tag.substr(2) : tag; };
    while (!field.empty()) {
        const std::string_view element = next_element(field);
        if (element == "*" || (!element.empty() && strong(element) == strong(etag))) return true;
    }
    return false;
}

}  // namespace kontor::admin

#include "kontor/base/object_id.h"

namespace kontor {
namespace {
constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kWidth = 11;  // 62^11 > 2^64

int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    if (c >= 'a' && c <= 'z') return c - 'a' + 36;
    return -1;
}
}  // namespace

std::string format_id(std::string_view prefix, ObjectNo no) {
    std::string out(prefix.size() + 1 + kWidth, '0');
    out.replace(0, prefix.size(), prefix);
    out[prefix.size()] = '_';
    for (std::size_t i = out.size(); i > prefix.size() + 1; --i, no /= 62) out[i - 1] = kDigits[no % 62];
    return out;
}

std::optional<ObjectNo> parse_id(std::string_view prefix, std::string_view id) {
    if (id.size() != prefix.size() + 1 + kWidth || !id.starts_with(prefix) || id[prefix.size()] != '_')
        return std::nullopt;
    ObjectNo no = 0;
    for (const char c : id.substr(prefix.size() + 1)) {
        const int value = digit_value(c);
        if (value < 0) return std::nullopt;
        ObjectNo next = 0;
        if (__builtin_mul_overflow(no, ObjectNo{62}, &next) ||
            __builtin_add_overflow(next, static_cast<ObjectNo>(value), &no))
            return std::nullopt;
    }
    if (no == 0) return std::nullopt;  // 0 means "none" in every record; no object has it
    return no;
}
}  // namespace kontor

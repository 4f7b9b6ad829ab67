#pragma once
// The fields of a serialized message, one after the other, without its type.

#include <cstdint>
#include <string>
#include <string_view>

namespace kontor::machine {

// Number, value (of a varint) or contents (of what has a length), and all of its bytes.
struct WireField {
    std::uint64_t number = 0;
    bool is_varint = false;
    std::uint64_t value = 0;
    std::string_view contents, whole;
};

// False: it ends too early.
[[nodiscard]] inline bool take_varint(std::string_view& bytes, std::uint64_t& number) {
    number = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        number |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
        if (byte < 0x80U) return true;
    }
    return false;
}
inline void put_varint(std::string& out, std::uint64_t number) {
    for (; number >= 0x80U; number >>= 7U) out.push_back(static_cast<char>(number | 0x80U));
    out.push_back(static_cast<char>(number));
}

// False: it is no message, or one with kinds of fields that the log's messages do not have.
template <typename Visit>
[[nodiscard]] bool each_field(std::string_view message, Visit visit) {
    while (!message.empty()) {
        std::string_view rest = message;
        WireField field;
        std::uint64_t tag = 0, size = 0;
        if (!take_varint(rest, tag) || tag < 8) return false;  // field 0 is none
        field.number = tag >> 3U;
        field.is_varint = (tag & 7U) == 0;
        if (!field.is_varint && (tag & 7U) != 2) return false;
        if (!take_varint(rest, field.is_varint ? field.value : size) || size > rest.size()) return false;
        field.contents = rest.substr(0, size);
        field.whole = message.substr(0, message.size() - rest.size() + size);
        visit(field);
        message.remove_prefix(field.whole.size());
    }
    return true;
}

}  // namespace kontor::machine

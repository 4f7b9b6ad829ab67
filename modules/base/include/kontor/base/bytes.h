#pragma once
// Bytes on disk and wire: big-endian for keys (so that byte order is number order), little-endian for
// record fields; hex; CRC32C is in crc32c.h.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <optional>

namespace kontor {

inline void put_be32(std::string& out, std::uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
}
inline void put_be64(std::string& out, std::uint64_t v) {
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
}
[[nodiscard]] inline std::uint32_t get_be32(std::string_view in) {
    std::uint32_t v = 0;
    for (std::size_t i = 0; i < 4; ++i) v = (v << 8) | static_cast<unsigned char>(in[i]);
    return v;
}
[[nodiscard]] inline std::uint64_t get_be64(std::string_view in) {
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < 8; ++i) v = (v << 8) | static_cast<unsigned char>(in[i]);
    return v;
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "record fields are stored little-endian");
template <typename T>
void put_le(std::string& out, T v) {
    static_assert(std::is_integral_v<T>);
    char raw[sizeof(T)];
    std::memcpy(raw, &v, sizeof(T));
    out.append(raw, sizeof(T));
}
template <typename T>
[[nodiscard]] T get_le(std::string_view in) {
    static_assert(std::is_integral_v<T>);
    T v;
    std::memcpy(&v, in.data(), sizeof(T));
    return v;
}

[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_hex(std::string_view hex);  // upper or lower case

}  // namespace kontor

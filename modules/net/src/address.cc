#include "address.h"

#include <array>

namespace kontor::net {
namespace {

struct Net4 {
    std::uint32_t prefix;
    unsigned bits;
};
// IANA special-purpose registry, what is not globally reachable.
constexpr std::array<Net4, 15> kPrivate4 = {{
    {0x00000000, 8},   // this host
    {0x0A000000, 8},   // 10/8
    {0x64400000, 10},  // 100.64/10 carrier NAT
    {0x7F000000, 8},   // loopback
    {0xA9FE0000, 16},  // link-local, cloud metadata
    {0xAC100000, 12},  // 172.16/12
    {0xC0000000, 24},  // 192.0.0/24
    {0xC0000200, 24},  // documentation
    {0xC0586300, 24},  // 192.88.99/24, former 6to4 relay
    {0xC0A80000, 16},  // 192.168/16
    {0xC6120000, 15},  // benchmarks
    {0xC6336400, 24},  // documentation
    {0xCB007100, 24},  // documentation
    {0xE0000000, 4},   // multicast
    {0xF0000000, 4},   // reserved and broadcast
}};

bool is_private4(std::uint32_t address) {
    for (const Net4& net : kPrivate4)
        if (((address ^ net.prefix) >> (32 - net.bits)) == 0) return true;
    return false;
}

std::uint32_t word_at(const boost::asio::ip::address_v6::bytes_type& bytes, std::size_t at) {
    return std::uint32_t{bytes[at]} << 24U | std::uint32_t{bytes[at + 1]} << 16U |
           std::uint32_t{bytes[at + 2]} << 8U | std::uint32_t{bytes[at + 3]};
}

}  // namespace

bool is_private_address(const boost::asio::ip::address& address) {
    if (address.is_v4()) return is_private4(address.to_v4().to_uint());
    const boost::asio::ip::address_v6 v6 = address.to_v6();
    const auto bytes = v6.to_bytes();
    const std::uint32_t first = word_at(bytes, 0);
    const bool upper_zero = first == 0 && word_at(bytes, 4) == 0;
    if (upper_zero && (word_at(bytes, 8) == 0 || word_at(bytes, 8) == 0x0000FFFF)) {
        // ::, ::1, IPv4-compatible and IPv4-mapped
        return word_at(bytes, 8) == 0 ? (word_at(bytes, 12) <= 1 || is_private4(word_at(bytes, 12)))
                                      : is_private4(word_at(bytes, 12));
    }
    if (first == 0x0064FF9B) return is_private4(word_at(bytes, 12)) || word_at(bytes, 4) != 0;  // NAT64
    if ((first >> 16U) == 0x2002) return is_private4(word_at(bytes, 2));                        // 6to4
    if (first == 0x20010DB8) return true;  // documentation
    // Only 2000::/3 is global unicast: this leaves out fc00::/7, fe80::/10, fec0::/10 and ff00::/8.
    return (bytes[0] & 0xE0U) != 0x20;
}

}  // namespace kontor::net

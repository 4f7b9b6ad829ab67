#include "address.h"

#include <algorithm>
#include <array>

namespace kontor::http {
namespace {

struct Net4 {
    std::uint32_t prefix;
    unsigned bits;
};
// https://www.iana.org/assignments/iana-ipv4-special-registry: what is not globally reachable, and the former
// 6to4 relays.
constexpr std::array kPrivate4 = {
    Net4{0x00000000, 8},   // 0/8, this network
    Net4{0x0A000000, 8},   // 10/8
    Net4{0x64400000, 10},  // 100.64/10, carrier NAT
    Net4{0x7F000000, 8},   // loopback
    Net4{0xA9FE0000, 16},  // 169.254/16, link-local and cloud metadata
    Net4{0xAC100000, 12},  // 172.16/12
    Net4{0xC0000000, 24},  // 192.0.0/24, protocol assignments
    Net4{0xC0000200, 24},  // 192.0.2/24, documentation
    Net4{0xC0586300, 24},  // 192.88.99/24, former 6to4 relay
    Net4{0xC0A80000, 16},  // 192.168/16
    Net4{0xC6120000, 15},  // 198.18/15, benchmarks
    Net4{0xC6336400, 24},  // 198.51.100/24, documentation
    Net4{0xCB007100, 24},  // 203.0.113/24, documentation
    Net4{0xE0000000, 4},   // multicast
    Net4{0xF0000000, 4},   // reserved and broadcast
};

struct Net6 {
    std::uint64_t prefix;  // upper half of the address
    unsigned bits;
};
// https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it lies within 2000::/3.
constexpr std::array kPrivate6 = {
    Net6{0x2001'0000'0000'0000, 23},  // protocol assignments: Teredo, benchmarks, ORCHID, AMT, drone ids
    Net6{0x2001'0DB8'0000'0000, 32},  // documentation
    Net6{0x3FFF'0000'0000'0000, 20},  // documentation
};

bool is_private4(std::uint32_t address) {
    return std::any_of(kPrivate4.begin(), kPrivate4.end(),
                       [&](const Net4& net) { return ((address ^ net.prefix) >> (32 - net.bits)) == 0; });
}

std::uint64_t half(const boost::asio::ip::address_v6::bytes_type& bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + 8; ++i) value = value << 8U | bytes[i];
    return value;
}

bool is_private6(std::uint64_t upper, std::uint64_t lower) {
    const auto low4 = static_cast<std::uint32_t>(lower);
    constexpr std::uint64_t kNat64 = 0x0064'FF9B'0000'0000;
    if (upper == 0) {
        constexpr std::uint64_t kMapped = 0xFFFF, kTranslated = 0xFFFF'0000;
        const std::uint64_t form = lower >> 32U;
        // ::, ::1 and ::a.b.c.d; ::ffff:a.b.c.d; ::ffff:0:a.b.c.d
        const bool has_4 = form == 0 || form == kMapped || form == kTranslated;
        return !has_4 || is_private4(low4);
    }
    if (upper == kNat64) return (lower >> 32U) != 0 || is_private4(low4);
    // fc00::/7, fe80::/10, fec0::/10, ff00::/8, 64:ff9b:1::/48, 100::/64, 100:0:0:1::/64, 5f00::/16
    if ((upper >> 61U) != 1) return true;
    for (const Net6& net : kPrivate6)
        if (((upper ^ net.prefix) >> (64 - net.bits)) == 0) return true;
    if ((upper >> 48U) == 0x2002 && is_private4(static_cast<std::uint32_t>(upper >> 16U)))
        return true;  // 6to4
    const std::uint64_t isatap =
        lower >> 32U & ~std::uint64_t{0x0200'0000};  // its "universal" bit may be set
    return isatap == 0x5EFE && is_private4(low4);
}

}  // namespace

bool is_private_address(const boost::asio::ip::address& address) {
    if (address.is_v4()) return is_private4(address.to_v4().to_uint());
    const auto bytes = address.to_v6().to_bytes();
    return is_private6(half(bytes, 0), half(bytes, 8));
}

bool has_private_address(const std::vector<boost::asio::ip::tcp::endpoint>& endpoints) {
    return std::any_of(endpoints.begin(), endpoints.end(),
                       [](const auto& endpoint) { return is_private_address(endpoint.address()); });
}

}  // namespace kontor::http

#include "kontor/base/address_key.h"

#include <arpa/inet.h>

#include <array>

namespace kontor {
namespace {

constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);  // RFC 4291, 2.5.5.2
constexpr std::size_t kNetworkBytes = 8;

}  // namespace

std::string address_key(std::string_view ip) {
    const std::string text(ip.substr(0, ip.find('%')));  // without the zone of fe80::1%eth0
    std::array<char, 16> bytes{};
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
        const std::string_view all(bytes.data(), bytes.size());
        if (!all.starts_with(kMapped)) return std::string(all.substr(0, kNetworkBytes));
        return std::string(all.substr(kMapped.size()));
    }
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return std::string(bytes.data(), 4);
    return std::string(ip);
}

}  // namespace kontor

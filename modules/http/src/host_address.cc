#include "kontor/http/host_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <boost/asio/ip/address.hpp>
#include <memory>

#include "address.h"

namespace kontor::http {
namespace {

constexpr std::uint32_t kFirstReserved = 0xF0000000;  // 240/4, with 255.255.255.255
constexpr unsigned kThisNetwork = 0;                  // 0/8

std::uint32_t number_of(const sockaddr* address) {
    return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr);
}

// The last address of a network of this machine. A network of one or two addresses has none.
bool is_broadcast_here(std::uint32_t wanted) {
    ifaddrs* raw = nullptr;
    if (::getifaddrs(&raw) != 0) return false;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(raw, &::freeifaddrs);
    for (const ifaddrs* one = all.get(); one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_netmask == nullptr || one->ifa_addr->sa_family != AF_INET)
            continue;
        const std::uint32_t mask = number_of(one->ifa_netmask);
        if (~mask > 1 && wanted == (number_of(one->ifa_addr) | ~mask)) return true;
    }
    return false;
}

boost::asio::ip::address parsed(const std::string& ip, bool& is_good) {
    boost::system::error_code error;
    auto address = boost::asio::ip::make_address(ip, error);
    is_good = !error;
    if (is_good && address.is_v6() && address.to_v6().is_v4_mapped())
        address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    return address;
}

}  // namespace

bool is_any_address(const std::string& ip) {
    bool is_good = false;
    const auto address = parsed(ip, is_good);
    return is_good && address.is_unspecified();
}

bool is_private_ip(const std::string& ip) {
    bool is_good = false;
    const auto address = parsed(ip, is_good);
    return is_good && is_private_address(address);
}

std::string why_no_host_has(const std::string& ip) {
    bool is_good = false;
    const auto address = parsed(ip, is_good);
    if (!is_good || address.is_unspecified()) return {};
    if (address.is_multicast()) return "a multicast address";
    if (!address.is_v4()) return {};
    const std::uint32_t number = address.to_v4().to_uint();
    if (number == 0xFFFFFFFF || is_broadcast_here(number)) return "a broadcast address";
    if (number >= kFirstReserved) return "a reserved address";
    return number >> 24U == kThisNetwork ? "an address of no network" : "";
}

}  // namespace kontor::http

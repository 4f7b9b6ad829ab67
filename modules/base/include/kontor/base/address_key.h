#pragma once
// What stands for one client where clients are counted by their address: an IPv4 address, or the /64 network
// from which an IPv6 client can choose addresses at will, and the least that one household or one rented
// machine has. ::ffff:192.0.2.7 is 192.0.2.7. Bytes, not for people. Text that is no address stands for
// itself.
//
// Threading: pure.

#include <string>
#include <string_view>

namespace kontor {
[[nodiscard]] std::string address_key(std::string_view ip);
}  // namespace kontor

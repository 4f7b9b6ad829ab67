#pragma once
// Which addresses lie inside of somebody's house: what a webhook must not reach.

#include <boost/asio/ip/address.hpp>

namespace kontor::net {

// Loopback, unspecified, link-local, RFC 1918, carrier NAT (RFC 6598), benchmark and documentation nets,
// multicast, reserved; IPv6 unique local, site-local, and IPv4 in its mapped, compatible, NAT64 or 6to4 form
// when that is one of these.
[[nodiscard]] bool is_private_address(const boost::asio::ip::address& address);

}  // namespace kontor::net

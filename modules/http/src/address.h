#pragma once
// Which addresses lie inside of somebody's house, or nowhere: what a webhook must not reach.

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <vector>

namespace kontor::http {

// Whatever the IANA special-purpose registries for IPv4 and IPv6 do not call globally reachable, multicast,
// and all of IPv6 outside of 2000::/3. Where an IPv6 address carries an IPv4 address (mapped, compatible,
// translated, NAT64, 6to4, Teredo, ISATAP), that one is checked too.
[[nodiscard]] bool is_private_address(const boost::asio::ip::address& address);
[[nodiscard]] bool has_private_address(const std::vector<boost::asio::ip::tcp::endpoint>& endpoints);

}  // namespace kontor::http

#pragma once
// What can be said of an address before anybody connects to it. Addresses that no host has can be listened on
// all the same.
// Threading: any. Errors: none.

#include <string>

namespace kontor::http {

// 0.0.0.0 and ::, however they are written.
[[nodiscard]] bool is_any_address(const std::string& ip);
// What it is instead ("a multicast address"); "" for an address of a host, for any address, and for a name.
[[nodiscard]] std::string why_no_host_has(const std::string& ip);
// One that a client without allow_private_addresses does not connect to. False for a name.
[[nodiscard]] bool is_private_ip(const std::string& ip);

}  // namespace kontor::http

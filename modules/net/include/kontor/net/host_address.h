#pragma once
// Addresses that no host has, so that nobody can connect to them: they can be listened on all the same.
// Threading: any. Errors: none.

#include <string>

namespace kontor::net {

// 0.0.0.0 and ::, however they are written.
[[nodiscard]] bool is_any_address(const std::string& ip);
// What it is instead ("a multicast address"); "" for an address of a host, for any address, and for a name.
[[nodiscard]] std::string why_no_host_has(const std::string& ip);

}  // namespace kontor::net

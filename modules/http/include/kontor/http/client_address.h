#pragma once
// Whom a request is from when there are proxies in front: X-Forwarded-For is believed from addresses that an
// operator named, and from nobody else. `Forwarded` (RFC 7239) is not read: one header, one truth.
//
// Threading: pure functions; AddressRanges is constant after parse(). Errors: invalid_argument names the part
// that is no address and no range. Limits: kMaxRanges.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/http/server.h"

namespace kontor::http {

inline constexpr std::size_t kMaxRanges = 256;

// "10.0.0.0/8", "127.0.0.1", "fd00::/8". IPv4 within IPv6 (::ffff:10.0.0.1) counts as IPv4.
class AddressRanges {
 public:
    static Result<AddressRanges> parse(const std::vector<std::string>& ranges);
    [[nodiscard]] bool contains(std::string_view address) const;  // false for what is no address
    [[nodiscard]] bool empty() const { return ranges_.empty(); }

 private:
    struct Range {
        std::array<std::uint8_t, 16> bytes;
        unsigned bits;
    };
    std::vector<Range> ranges_;
};

// For a request that came from `socket_ip`, which is one of `trusted`: the rightmost address of
// X-Forwarded-For that is not itself `trusted`. What stands left of it was written by strangers.
[[nodiscard]] std::string client_address(const std::string& socket_ip, const std::vector<Header>& headers,
                                         const AddressRanges& trusted);

// No field but those that programs which collect metrics send of their own accord: then no proxy has said
// anything, under whatever name, and no browser asks.
[[nodiscard]] bool is_plain_scrape(const std::vector<Header>& headers);

}  // namespace kontor::http

#pragma once
// URLs, percent-encoding and form fields: Boost.URL behind the words and limits of the house.
//
// Threading: pure functions. Errors: invalid_argument says what is wrong; too_large above a limit.
// Limits: kMaxQueryPairs fields in a query or form body; kMaxUrlBytes.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::uri {

inline constexpr std::size_t kMaxQueryPairs = 1000;
inline constexpr std::size_t kMaxUrlBytes = 8U << 10U;

// "%41+" -> "A+"; with `plus_is_space` "A ". An escape that is not two hex digits is an error, never passed
// through.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Everything but RFC 3986's unreserved characters is escaped.
[[nodiscard]] std::string percent_encode(std::string_view text);

using QueryPairs = std::vector<std::pair<std::string, std::string>>;
// "a=b&c=d+e", in the order of arrival, names may repeat; also application/x-www-form-urlencoded bodies. A
// field without '=' has an empty value; empty fields ("a=1&&b=2") are skipped; a field without a name is an
// error.
[[nodiscard]] Result<QueryPairs> parse_query(std::string_view query, std::size_t max_pairs = kMaxQueryPairs);

// "example.org:443", "[::1]:443"; port 0: without one.
[[nodiscard]] std::string join_authority(std::string_view host, std::uint16_t port);

struct Url {
    bool https = true;
    std::string host;  // without brackets and last dot: "example.org", "::1"; ASCII, lower case
    std::uint16_t port = 443;
    std::string target = "/";  // path and query, starts with '/'

    [[nodiscard]] std::string authority()
        const;  // for the Host header: brackets where needed, no default port
};
// Absolute http or https URLs. User names, fragments, control characters and spaces are refused, and so are
// hosts that end in a number and are no plain IPv4 address. The dot at the end of a host is left away.
[[nodiscard]] Result<Url> split_url(std::string_view url);

}  // namespace kontor::uri

#pragma once
// The bytes of a response up to its body.

#include <cstddef>
#include <optional>
#include <string>

#include "kontor/http/server.h"

namespace kontor::http {

struct HeadOptions {
    bool http11 = true;
    bool keep_alive = true;
    bool chunked = false;                       // a stream on HTTP/1.1
    std::optional<std::size_t> content_length;  // absent: none is sent
    std::string_view date;  // "" : no Date (RFC 9110 6.6.1: a server without a clock sends none)
};

// A status that may not have a body.
[[nodiscard]] constexpr bool status_without_body(int status) {
    return status < 200 || status == 204 || status == 304;
}

// Appends. Header fields that are the server's own business are skipped, line ends in values become spaces,
// fields without a proper name are dropped: a handler's input never forges a response.
void append_head(std::string& out, const Response& response, const HeadOptions& options);
// "Sun, 06 Nov 1994 08:49:37 GMT"
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);

}  // namespace kontor::http

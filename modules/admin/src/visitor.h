#pragma once
// Who knocks: the part of a login that decides whose tries count together.
//
// A browser in which an operator logged in before has a cookie of its own for that operator, sealed with the
// key outside the data folder and good for limits::kBrowserLifetimeMs. It opens nothing. It only lets its
// owner try while strangers at the same address, or with the same name, are slowed down.
//
// Threading: pure.

#include <optional>
#include <string>

#include "kontor/crypto/crypto.h"
#include "kontor/http/server.h"

namespace kontor::admin {

// The value of a request's cookie; "" if there is none of this name.
[[nodiscard]] std::string cookie_of(const http::Request& request, std::string_view name);

// A Set-Cookie value that makes the browser known for this operator.
[[nodiscard]] std::string browser_cookie(const crypto::Sealer& sealer, std::uint64_t operator_no,
                                         std::int64_t now_ms);
// The browser's own number, when it is known for this operator.
[[nodiscard]] std::optional<std::string> known_browser(const crypto::Sealer& sealer,
                                                       const http::Request& request,
                                                       std::uint64_t operator_no, std::int64_t now_ms);

}  // namespace kontor::admin

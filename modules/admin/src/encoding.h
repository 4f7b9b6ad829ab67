#pragma once
// Content negotiation of the assets (RFC 9110, 12.5.3 and 13.1.2).

#include <string_view>

namespace kontor::admin {

// True when an Accept-Encoding field names `coding` (or '*') with a quality above 0.
[[nodiscard]] bool accepts_encoding(std::string_view field, std::string_view coding);
// True when an If-None-Match field has this entity tag, or is '*'. Weak comparison.
[[nodiscard]] bool matches_etag(std::string_view field, std::string_view etag);

}  // namespace kontor::admin

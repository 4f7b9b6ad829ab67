#pragma once
// UTF-8: the one place that knows which bytes are characters (RFC 3629).
//
// Threading: pure. Errors: none.

#include <cstddef>
#include <string_view>

namespace kontor {

// Bytes of the first character of `text`, which is not empty; 0: it begins none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text);
// Whether all of it is characters; "" is.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace kontor

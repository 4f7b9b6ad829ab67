#pragma once
// UTF-8, one character at a time.
//
// Threading: pure. Errors: none.

#include <cstddef>
#include <string_view>

namespace kontor {

// Bytes of the first character of `text`, which is not empty; 0: it begins none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text);

}  // namespace kontor

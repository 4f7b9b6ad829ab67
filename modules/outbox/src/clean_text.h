#pragma once
// Text from outside (a channel's words, a connection's error) before it goes into a command: a string that is
// not UTF-8 would make a log entry that nobody can parse again.

#include <cstddef>
#include <string>
#include <string_view>

namespace kontor::outbox {

// Valid UTF-8 of at most `max_bytes`, cut between characters; what is not UTF-8, and control characters,
// become '?'.
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t max_bytes);

}  // namespace kontor::outbox

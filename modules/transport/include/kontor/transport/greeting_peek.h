#pragma once
// The first bytes of a connection, before TLS has it: OpenSSL takes memory for a greeting by the length that
// its head claims, up to 128 KiB for nine bytes.
//
// Threading: none. Limits: kMaxGreetingBytes.

#include <cstddef>
#include <cstdint>

namespace kontor::transport {

inline constexpr std::size_t kMaxGreetingBytes = 16U << 10U;  // usual ones have 300 bytes to 2 KiB

enum class GreetingPeek : std::uint8_t { good, not_yet, refused, closed };

// Wakes nobody before there is enough to look at.
void await_greeting(int fd);
// Takes nothing from the socket. `good` also for what is no TLS: OpenSSL says what that is.
[[nodiscard]] GreetingPeek peek_greeting(int fd);

}  // namespace kontor::transport

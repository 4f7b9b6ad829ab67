#pragma once
// The one type for an *operating failure*: something that should have worked did not (I/O, a peer, a limit).
// A business outcome (declined, exists with another amount) is a frozen enum, never an Error; a broken
// invariant is KONTOR_ASSERT.
//
// Threading: value type. Errors: none.

#include <cstdint>
#include <string>
#include <string_view>

namespace kontor {

enum class ErrorCode : std::uint8_t {
    invalid_argument = 1,  // the caller's input; a retry cannot help
    not_found = 2,
    already_exists = 3,
    permission_denied = 4,
    unauthenticated = 5,
    too_large = 6,     // a named limit is exceeded
    corruption = 7,    // stored bytes are not what was written: stop, never skip
    io = 8,            // a system call failed
    no_space = 9,      // the disk is full
    overloaded = 10,   // a bounded queue is full: 429, retry later
    unavailable = 11,  // not now (starting, stopping, no leader): 503, retry later
    timeout = 12,      // no answer in time; the outcome is not known
    conflict = 13,     // lost a race; nothing changed
    unsupported = 14,
    internal = 15,
    exhausted = 16,  // something that is there once for all is used up: only reads go on
};

[[nodiscard]] std::string_view to_string(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string message;  // says what happened and, where it can, what to do next; no secrets

    [[nodiscard]] std::string describe() const;  // "corruption: log segment 3: bad checksum at 4096"
};

// errno of a failed system call; ENOSPC and EDQUOT become no_space.
[[nodiscard]] Error errno_error(std::string_view what, int error_number);

}  // namespace kontor

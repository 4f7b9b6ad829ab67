#pragma once
// A broken invariant is a bug: the process prints where and aborts, in release builds too. Money is safer
// stopped than wrong.

namespace kontor {
[[noreturn]] void assertion_failed(const char* expression, const char* message, const char* file, int line);
}  // namespace kontor

#define KONTOR_ASSERT(expression, message)                                        \
    do {                                                                          \
        if (!(expression)) [[unlikely]]                                           \
            ::kontor::assertion_failed(#expression, message, __FILE__, __LINE__); \
    } while (false)
#define KONTOR_UNREACHABLE(message) ::kontor::assertion_failed("unreachable", message, __FILE__, __LINE__)

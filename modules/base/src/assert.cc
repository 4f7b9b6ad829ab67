#include "kontor/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace kontor {
void assertion_failed(const char* expression, const char* message, const char* file, int line) {
    std::fprintf(stderr, "kontor: broken invariant at %s:%d: %s (%s)\n", file, line, message, expression);
    std::fflush(stderr);
    std::abort();
}
}  // namespace kontor

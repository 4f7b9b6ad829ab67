#pragma once
// What a test takes from outside: the seed of its random choices, and how busy the machine is.
//
//   KONTOR_SEED=n        repeats one run: the seed that a failed test printed
//   KONTOR_FIRST_SEED=n  where random tests begin to count (1): the same choices on every machine, every
//   time.
//                        tests/nightly.sh takes a fresh one.

#include <stdlib.h>  // getloadavg

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace kontor_test {

inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given == nullptr || *given == '\0' ? otherwise : std::strtoull(given, nullptr, 10);
}

inline bool one_seed_only() {
    return std::getenv("KONTOR_SEED") != nullptr;
}
inline std::uint64_t first_seed() {
    return from_environment("KONTOR_FIRST_SEED", 1);
}
// For a test with one seed. Printed, so that the log tells how to repeat the run.
inline std::uint64_t test_seed() {
    const std::uint64_t seed = from_environment("KONTOR_SEED", first_seed());
    std::cout << "KONTOR_SEED=" << seed << std::endl;
    return seed;
}

// An upper bound on elapsed time, wider the more programs wait for a processor and where the code itself is
// slow: a bound that says "at once, not after the time-out" must not say "and nobody else uses this machine".
inline std::uint64_t patient_ms(std::uint64_t ms) {
#if defined(KONTOR_SANITIZED)
    ms *= 4;
#elif !defined(__OPTIMIZE__)
    ms *= 2;
#endif
    double load = 0;
    if (::getloadavg(&load, 1) != 1) return ms;
    const double waiting = load / std::max(1U, std::thread::hardware_concurrency());
    return static_cast<std::uint64_t>(static_cast<double>(ms) * std::clamp(waiting, 1.0, 8.0));
}

}  // namespace kontor_test

#pragma once
// Time is injected: real in app/, simulated in tests. Deterministic modules never see a Clock; their time
// arrives in the batch header.
//
// Threading: implementations are safe for concurrent use.

#include <chrono>
#include <cstdint>

namespace kontor {

class Clock {
 public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual std::int64_t wall_ms() const = 0;        // Unix time, may jump
    [[nodiscard]] virtual std::uint64_t monotonic_ms() const = 0;  // never backwards
    [[nodiscard]] virtual std::uint64_t monotonic_us() const { return monotonic_ms() * 1000; }
    // Since the machine's start, and it goes on while the machine sleeps; never backwards. For deadlines and
    // for the age of what was heard: a stopped process or a sleeping machine counts (docs/adr/0010).
    [[nodiscard]] virtual std::uint64_t boot_ms() const { return monotonic_ms(); }
};

// The one real clock. Only app/ and main-like test code name it.
[[nodiscard]] const Clock& system_clock();

}  // namespace kontor

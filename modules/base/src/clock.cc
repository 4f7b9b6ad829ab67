#include "kontor/base/clock.h"

#include <ctime>

#include "kontor/base/assert.h"

namespace kontor {
namespace {
class SystemClock final : public Clock {
 public:
    std::int64_t wall_ms() const override {
        timespec now{};  // C++ counts nanoseconds in 64 bits, which end in 2262
        KONTOR_ASSERT(clock_gettime(CLOCK_REALTIME, &now) == 0, "Linux has a wall clock");
        return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
    }
    std::uint64_t monotonic_ms() const override { return monotonic_us() / 1000; }
    std::uint64_t monotonic_us() const override {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                              std::chrono::steady_clock::now().time_since_epoch())
                                              .count());
    }
    std::uint64_t boot_ms() const override {
        timespec now{};
        KONTOR_ASSERT(clock_gettime(CLOCK_BOOTTIME, &now) == 0, "Linux has a boot-time clock");
        return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
               static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
    }
};
}  // namespace

const Clock& system_clock() {
    static const SystemClock clock;
    return clock;
}
}  // namespace kontor

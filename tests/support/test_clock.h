#pragma once
// The clocks of one machine under test: the wall clock can be set, as people and NTP do, and time can pass at
// once on the clocks that deadlines go by (boot time and wall; threads are paced by the monotonic one, which
// stays real).
//
// Threading: any thread.

#include <atomic>
#include <cstdint>
#include <optional>

#include "kontor/base/clock.h"

namespace kontor_test {

class TestClock : public kontor::Clock {
 public:
    // The wall clock runs with the real one, or stands at a moment until it is told otherwise.
    TestClock() = default;
    explicit TestClock(std::int64_t wall_ms) : stands_at_ms_(wall_ms) {}

    [[nodiscard]] std::int64_t wall_ms() const override { return base_ms() + wall_ahead_ms_ + passed_ms_; }
    [[nodiscard]] std::uint64_t monotonic_ms() const override {
        return kontor::system_clock().monotonic_ms();
    }
    [[nodiscard]] std::uint64_t boot_ms() const override {
        return kontor::system_clock().boot_ms() + static_cast<std::uint64_t>(passed_ms_.load());
    }

    void pass(std::int64_t ms) { passed_ms_ += ms; }
    // Somebody sets the wall clock: by so much, to so far from what it would show, to a moment.
    void step(std::int64_t ms) { wall_ahead_ms_ += ms; }
    void set_wall_ahead(std::int64_t ms) { wall_ahead_ms_ = ms; }
    void set_wall(std::int64_t wall_ms) { wall_ahead_ms_ = wall_ms - base_ms() - passed_ms_; }

 private:
    [[nodiscard]] std::int64_t base_ms() const {
        return stands_at_ms_ ? *stands_at_ms_ : kontor::system_clock().wall_ms();
    }
    const std::optional<std::int64_t> stands_at_ms_;
    std::atomic<std::int64_t> wall_ahead_ms_{0}, passed_ms_{0};
};

}  // namespace kontor_test

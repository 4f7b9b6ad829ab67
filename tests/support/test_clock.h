#pragma once
// The clocks of tests. TestClock is of one machine that runs: the wall clock can be set, as people and NTP
// do, and time can pass at once on the clocks that deadlines go by (boot time and wall; threads are paced by
// the monotonic one, which stays real). HandClock stands still until a test moves it. StoppableClock shows
// what a given clock shows until it is stopped.
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
    // Boot time stands, too: machine time is in the rows, and several runs must make the same ones.
    TestClock(std::int64_t wall_ms, std::uint64_t boot_ms) : stands_at_ms_(wall_ms), booted_at_ms_(boot_ms) {}

    [[nodiscard]] std::int64_t wall_ms() const override { return base_ms() + wall_ahead_ms_ + passed_ms_; }
    [[nodiscard]] std::uint64_t monotonic_ms() const override {
        return kontor::system_clock().monotonic_ms();
    }
    [[nodiscard]] std::uint64_t boot_ms() const override {
        return booted_at_ms_.value_or(kontor::system_clock().boot_ms()) +
               static_cast<std::uint64_t>(passed_ms_.load());
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
    const std::optional<std::uint64_t> booted_at_ms_;
    std::atomic<std::int64_t> wall_ahead_ms_{0}, passed_ms_{0};
};

class HandClock : public kontor::Clock {
 public:
    static constexpr std::int64_t kStartMs = 1'800'000'000'000;

    [[nodiscard]] std::int64_t wall_ms() const override { return wall_ms_; }
    [[nodiscard]] std::uint64_t monotonic_ms() const override { return monotonic_us() / 1'000; }
    [[nodiscard]] std::uint64_t monotonic_us() const override { return us_.fetch_add(us_a_look) + us_a_look; }

    void pass(std::int64_t ms) {
        step(ms);
        us_ += static_cast<std::uint64_t>(ms) * 1'000;
    }
    void step(std::int64_t ms) { wall_ms_ += ms; }  // somebody sets the wall clock
    // How far each look at the monotonic clock moves it, so that what is measured took some time.
    std::atomic<std::uint64_t> us_a_look{0};

 private:
    std::atomic<std::int64_t> wall_ms_{kStartMs};
    mutable std::atomic<std::uint64_t> us_{5'000'000};
};

class StoppableClock : public kontor::Clock {
 public:
    explicit StoppableClock(const kontor::Clock& clock) : clock_(clock) {}
    [[nodiscard]] std::int64_t wall_ms() const override { return clock_.wall_ms(); }
    [[nodiscard]] std::uint64_t monotonic_ms() const override {
        const std::uint64_t stopped = stopped_ms.load();
        return stopped != 0 ? stopped : clock_.monotonic_ms();
    }
    void stop() { stopped_ms = clock_.monotonic_ms(); }
    std::atomic<std::uint64_t> stopped_ms{0};  // 0: it runs

 private:
    const kontor::Clock& clock_;
};

}  // namespace kontor_test

#pragma once
// The node's two clocks (docs/adr/0010): machine time, by which deadlines are set and read, and a look at the
// wall clock, which may be wrong and is watched for steps.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "kontor/base/clock.h"

namespace kontor::node {

// Machine time as this node knows it: what the log and its leaders said, and what has passed since by the
// clock that runs from the machine's start. It never goes back, and no wall clock moves it but the one that
// begin() reads. Threading: any thread.
class MachineTime {
 public:
    explicit MachineTime(const Clock& clock) : clock_(clock), ahead_ms_(-boot_ms()) {}

    [[nodiscard]] std::int64_t now() const { return boot_ms() + ahead_ms_.load(std::memory_order_acquire); }
    // An entry has this time, so it is at least as late.
    void at_least(std::int64_t machine_ms) {
        const std::int64_t wanted = machine_ms - boot_ms();
        std::int64_t known = ahead_ms_.load(std::memory_order_relaxed);
        while (known < wanted && !ahead_ms_.compare_exchange_weak(known, wanted, std::memory_order_acq_rel)) {
        }
    }
    // The leader says what it is now: nothing that passed is missing, and the wall clock is not asked any
    // more.
    void hear(std::int64_t machine_ms) {
        at_least(machine_ms);
        is_known_.store(true, std::memory_order_release);
    }
    // Before anything is proposed. The first leader after a start cannot know how long there was none: the
    // wall clock says it, unless it lies before the log.
    void begin() {
        if (!is_known_.exchange(true, std::memory_order_acq_rel))
            at_least(clock_.wall_ms());  // house: wall: see above
    }

 private:
    [[nodiscard]] std::int64_t boot_ms() const { return static_cast<std::int64_t>(clock_.boot_ms()); }
    const Clock& clock_;
    std::atomic<std::int64_t> ahead_ms_;  // of the boot-time clock; only grows
    std::atomic<bool> is_known_{false};
};

struct WallStats {
    std::uint64_t steps = 0;
    std::int64_t last_step_ms = 0;   // forward is positive
    std::int64_t behind_log_ms = 0;  // how far the wall clock lies before the highest UTC of the log
};

// Says what the wall clock does that it should not: steps, and lying before what the log has. Nothing waits
// for it. Threading: look() on one thread, the rest on any.
class WallWatch {
 public:
    explicit WallWatch(const Clock& clock) : clock_(clock) {}
    void log_has(std::int64_t highest_utc_ms) {
        highest_utc_ms_.store(highest_utc_ms, std::memory_order_relaxed);
    }
    void look();
    [[nodiscard]] WallStats stats() const;

 private:
    [[nodiscard]] std::int64_t behind_log_ms() const;
    const Clock& clock_;
    bool has_looked_ = false, says_behind_ = false;  // look() only
    std::int64_t offset_ms_ = 0;                     // look() only: the wall's from the boot-time clock
    std::atomic<std::int64_t> highest_utc_ms_{0}, last_step_ms_{0};
    std::atomic<std::uint64_t> steps_{0};
};

}  // namespace kontor::node

#include "node_time.h"

#include <string>

#include "kontor/base/log.h"

namespace kontor::node {
namespace {
constexpr std::int64_t kStepMs = 500;      // more between two looks is no clock that is slewed
constexpr std::int64_t kBehindMs = 2'000;  // as far as clocks of a cluster may be apart
constexpr std::int64_t kBehindOverMs = 1'000;
}  // namespace

std::int64_t WallWatch::behind_log_ms() const {
    return std::max<std::int64_t>(0, highest_utc_ms_.load(std::memory_order_relaxed) -
                                         clock_.wall_ms());  // house: wall: it is what is judged
}

WallStats WallWatch::stats() const {
    return {steps_.load(), last_step_ms_.load(), behind_log_ms()};
}

void WallWatch::look() {
    const std::int64_t offset =
        clock_.wall_ms() - static_cast<std::int64_t>(clock_.boot_ms());  // house: wall: it is what is judged
    const std::int64_t step = offset - offset_ms_;
    if (has_looked_ && (step > kStepMs || step < -kStepMs)) {
        steps_.fetch_add(1);
        last_step_ms_.store(step);
        log::warning("clock", "event=clock_step by_ms=" + std::to_string(step) +
                                  ": the wall clock was set; deadlines and time-outs do not follow it");
    }
    has_looked_ = true;
    offset_ms_ = offset;
    const std::int64_t behind = behind_log_ms();
    if (!says_behind_ && behind > kBehindMs) {
        says_behind_ = true;
        log::warning("clock",
                     "event=clock_behind_log by_ms=" + std::to_string(behind) +
                         ": the wall clock lies before times that the log has; either it is wrong now or "
                         "a clock was ahead then. This node goes on; check the time (NTP)");
    } else if (says_behind_ && behind < kBehindOverMs) {
        says_behind_ = false;
        log::info("clock", "event=clock_past_log: the wall clock has passed the newest time of the log");
    }
}

}  // namespace kontor::node

#include "pace.h"

#include <algorithm>

namespace kontor::outbox {

void Pace::took(std::uint64_t took_ms, std::uint64_t now_ms) {
    if (now_ms >= best_since_ms_ + kBestForMs) {
        best_ms_ = {UINT64_MAX, best_ms_[0]};
        best_since_ms_ = now_ms;
    }
    best_ms_[0] = std::min(best_ms_[0], took_ms);
    sum_ms_ += took_ms;
    ++samples_;
    look(now_ms);
}

void Pace::refused(std::uint64_t now_ms) {
    is_refused_ = true;
    look(now_ms);
}

void Pace::look(std::uint64_t now_ms) {
    if (now_ms < next_look_ms_) return;
    next_look_ms_ = now_ms + kLookMs;
    const std::uint64_t best = std::min(best_ms_[0], best_ms_[1]);
    const std::uint64_t limit = best == UINT64_MAX ? kFloorMs : std::max(kFloorMs, kTimesBest * best);
    const bool is_queue = is_refused_ || (samples_ != 0 && sum_ms_ > limit * samples_);
    if (is_queue)
        window_ = std::max(kMinWindow, window_ - window_ / 4);
    else if (is_full_)
        window_ = std::min(kMaxWindow, window_ + 2 + window_ / 16);
    sum_ms_ = samples_ = 0;
    is_refused_ = is_full_ = false;
}

}  // namespace kontor::outbox

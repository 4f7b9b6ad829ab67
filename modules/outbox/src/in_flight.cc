#include "in_flight.h"

#include <utility>

namespace kontor::outbox {
namespace {
constexpr std::uint64_t kProposeAgainMs = 100;  // after the node refused a result
}

void InFlight::wake() {
    const std::lock_guard lock(mutex_);
    work_ = true;
    changed_.notify_all();
}

void InFlight::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
}

void InFlight::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
}

std::optional<InFlight::Results> InFlight::wait(std::uint64_t poll_ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(poll_ms),
                      [this] { return work_ || stopping_ || !results_.empty(); });
    if (stopping_) return std::nullopt;
    work_ = false;
    const std::uint64_t now = clock_.monotonic_ms();
    while (!later_.empty() && later_.front().first <= now) {
        results_.push_back(std::move(later_.front().second));
        later_.pop_front();
    }
    return take_locked();
}

bool InFlight::wait_for_last(std::uint64_t slice_ms, Results& results) {
    std::unique_lock lock(mutex_);
    results.clear();
    if (outstanding_ == 0 && results_.empty()) return false;
    changed_.wait_for(lock, std::chrono::milliseconds(slice_ms),
                      [this] { return outstanding_ == 0 || !results_.empty(); });
    results = take_locked();
    return true;
}

InFlight::Results InFlight::take_locked() {
    return std::exchange(results_, {});
}

bool InFlight::has_room_for_delivery() const {
    const std::lock_guard lock(mutex_);
    return deliveries_ < limits_.deliveries;
}

bool InFlight::is_claimed(std::uint64_t no) const {
    const std::lock_guard lock(mutex_);
    return claimed_.contains(no);
}

bool InFlight::claim(std::uint64_t no, std::uint64_t endpoint_no) {
    const std::lock_guard lock(mutex_);
    if (claimed_.contains(no)) return false;
    if (endpoint_no == 0) {
        if (channel_calls_ >= limits_.channel_calls) return false;
        ++channel_calls_;
    } else {
        const auto known = per_endpoint_.find(endpoint_no);
        if (deliveries_ >= limits_.deliveries) return false;
        if (known != per_endpoint_.end() && known->second >= limits_.per_endpoint) return false;
        ++per_endpoint_[endpoint_no];
        ++deliveries_;
    }
    claimed_.emplace(no, endpoint_no);
    return true;
}

void InFlight::release(std::uint64_t no) {
    const std::lock_guard lock(mutex_);
    release_locked(no);
}

void InFlight::release_locked(std::uint64_t no) {
    const auto claimed = claimed_.find(no);
    if (claimed == claimed_.end()) return;
    const std::uint64_t endpoint_no = claimed->second;
    claimed_.erase(claimed);
    if (endpoint_no == 0) {
        --channel_calls_;
        return;
    }
    --deliveries_;
    const auto endpoint = per_endpoint_.find(endpoint_no);
    if (endpoint != per_endpoint_.end() && --endpoint->second == 0) per_endpoint_.erase(endpoint);
}

void InFlight::call_begins() {
    const std::lock_guard lock(mutex_);
    ++outstanding_;
}

void InFlight::proposed(std::uint64_t no, bool accepted, pb::Command&& result) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (accepted) {
        release_locked(no);
        work_ = true;
    } else if (!stopping_) {
        later_.emplace_back(clock_.monotonic_ms() + kProposeAgainMs, std::move(result));
    }
    --outstanding_;
    changed_.notify_all();
}

}  // namespace kontor::outbox

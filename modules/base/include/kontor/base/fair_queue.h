#pragma once
// Jobs that wait in lanes (a merchant, an address): lanes take turns, so that whoever brings many waits
// behind himself, and nobody's place is taken by somebody who has more than a share.
//
// Threading: none; the owner has the lock. Ownership: jobs are moved in and out. Errors: push() says when
// there is no place. Limits: `max` jobs, `max_per_lane` in a lane; a lane without jobs costs nothing.

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace kontor {

template <typename Job>
class FairQueue {
 public:
    FairQueue(std::size_t max, std::size_t max_per_lane) : max_(max), max_per_lane_(max_per_lane) {}

    // False: no place, and `job` is as it was. When all places are taken, the newest job of the longest lane
    // gives way to a lane that has fewer, and is handed out in `victim`.
    [[nodiscard]] bool push(const std::string& lane, Job&& job, std::optional<Job>& victim) {
        const auto mine = lanes_.find(lane);
        const std::size_t own = mine == lanes_.end() ? 0 : mine->second.size();
        if (own >= max_per_lane_) return false;
        if (size_ >= max_) {
            const auto longest = std::max_element(
                lanes_.begin(), lanes_.end(),
                [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
            if (longest == lanes_.end() || longest->second.size() <= own + 1) return false;
            victim = std::move(longest->second.back());
            longest->second.pop_back();
            --size_;
        }
        lanes_[lane].push_back(std::move(job));
        ++size_;
        return true;
    }
    // The oldest job of the next lane.
    [[nodiscard]] std::optional<Job> pop() {
        if (size_ == 0) return std::nullopt;
        auto next = lanes_.upper_bound(last_);
        if (next == lanes_.end()) next = lanes_.begin();
        last_ = next->first;
        std::optional<Job> job = std::move(next->second.front());
        next->second.pop_front();
        if (next->second.empty()) lanes_.erase(next);
        --size_;
        return job;
    }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::size_t size() const { return size_; }

 private:
    const std::size_t max_, max_per_lane_;
    std::map<std::string, std::deque<Job>> lanes_;  // none is empty
    std::string last_;                              // the lane served last
    std::size_t size_ = 0;
};

}  // namespace kontor

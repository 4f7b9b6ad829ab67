#include "balancer.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>

namespace kontor::cluster {
namespace {

constexpr double kSmoothUs = 700'000;  // the weight of what was before falls by e in that time

}  // namespace

std::uint64_t process_used_us() {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto us = [](const struct timeval& time) {
        return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec);
    };
    return us(usage.ru_utime) + us(usage.ru_stime);
}

LoadMeter::LoadMeter(std::function<std::uint64_t()> used_us, unsigned processors)
    : used_us_(std::move(used_us)), processors_(std::max(1U, processors)) {}

std::uint32_t LoadMeter::look(std::uint64_t now_us) {
    const std::uint64_t used = used_us_();
    if (last_us_ != 0 && now_us > last_us_) {
        const auto passed = static_cast<double>(now_us - last_us_);
        const double share = static_cast<double>(used - last_used_us_) / (passed * processors_);
        const double keep = std::exp(-passed / kSmoothUs);
        smooth_ = smooth_ * keep + std::min(1.0, share) * (1 - keep);
    }
    last_us_ = now_us;
    last_used_us_ = used;
    return static_cast<std::uint32_t>(smooth_ * kFullLoad);
}

void Balancer::look(std::uint32_t own_load, std::vector<Helper> helpers, std::uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    std::erase_if(suspended_, [&](const auto& one) { return one.second <= now_ms; });
    std::erase_if(helpers, [&](const Helper& one) { return suspended_.contains(one.node_no); });
    if (helpers.empty()) {
        helpers_.clear();
        share_ = 0;
        return;
    }
    const std::uint32_t least =
        std::min_element(helpers.begin(), helpers.end(), [](const Helper& a, const Helper& b) {
            return a.load < b.load;
        })->load;
    if (own_load >= kBusyLoad && own_load >= least + kClearlyLess)
        share_ = std::min(kMaxShare, share_ + kShareStep);
    else if (own_load < kBusyLoad || own_load < least + kHardlyLess)
        share_ -= std::min(share_, kShareStep);
    std::erase_if(helpers, [&](const Helper& one) { return one.load > least + kHardlyLess; });
    helpers_ = std::move(helpers);
}

std::optional<std::uint64_t> Balancer::pick(std::uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    if (share_ == 0 || helpers_.empty() || under_way_ >= kMaxPassedOn) return std::nullopt;
    credit_ += share_;
    if (credit_ < 1'000) return std::nullopt;
    credit_ -= 1'000;
    for (std::size_t i = 0; i < helpers_.size(); ++i) {
        const Helper& one = helpers_[next_++ % helpers_.size()];
        const auto suspended = suspended_.find(one.node_no);
        if (suspended != suspended_.end() && suspended->second > now_ms) continue;
        ++under_way_;
        return one.node_no;
    }
    return std::nullopt;
}

void Balancer::ended(std::uint64_t node_no, bool is_answered, std::uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    --under_way_;
    if (!is_answered) suspended_[node_no] = now_ms + kSuspendedMs;
}

std::uint32_t Balancer::share() const {
    const std::lock_guard lock(mutex_);
    return share_;
}

}  // namespace kontor::cluster

#include "login_throttle.h"

#include <algorithm>

namespace kontor::admin {
namespace {

std::uint64_t delay_after(std::uint64_t wrong) {
    if (wrong < limits::kLoginFreeTries) return 0;
    const std::uint64_t doublings = std::min<std::uint64_t>(wrong - limits::kLoginFreeTries, 20);
    return std::min(limits::kLoginFirstDelayMs << doublings, limits::kLoginLongestDelayMs);
}

}  // namespace

LoginThrottle::Entry& LoginThrottle::entry(const std::string& visitor, std::uint64_t now_ms) {
    if (const auto found = places_.find(visitor); found != places_.end()) {
        entries_.splice(entries_.begin(), entries_, found->second);
        Entry& known = entries_.front();
        if (known.forget_ms <= now_ms) known.wrong = known.next_ms = 0;
        return known;
    }
    if (entries_.size() >= max_visitors_) {
        places_.erase(entries_.back().visitor);
        entries_.pop_back();
    }
    entries_.push_front(Entry{visitor});
    places_.emplace(visitor, entries_.begin());
    return entries_.front();
}

bool LoginThrottle::begin(const std::string& visitor, std::uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    Entry& one = entry(visitor, now_ms);
    const bool free = one.wrong + one.running < limits::kLoginFreeTries;
    const bool waited = one.running == 0 && now_ms >= one.next_ms;
    if (!free && !waited) return false;
    ++one.running;
    return true;
}

void LoginThrottle::end(const std::string& visitor, End how, std::uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    Entry& one = entry(visitor, now_ms);
    if (one.running > 0) --one.running;
    if (how == End::right) one.wrong = one.next_ms = 0;
    if (how != End::wrong) return;
    ++one.wrong;
    one.next_ms = now_ms + delay_after(one.wrong);
    one.forget_ms = now_ms + limits::kLoginForgetMs;
}

std::uint64_t LoginThrottle::wait_ms(const std::string& visitor, std::uint64_t now_ms) const {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(visitor);
    if (found == places_.end()) return 0;
    const Entry& one = *found->second;
    return one.next_ms > now_ms ? one.next_ms - now_ms : 0;
}

}  // namespace kontor::admin

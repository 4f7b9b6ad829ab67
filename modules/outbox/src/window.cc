#include "window.h"

#include "kontor/base/assert.h"

namespace kontor::outbox {

bool Window::may_begin(std::uint64_t merchant_no) {
    const auto known = by_merchant_.find(merchant_no);
    const std::size_t has = known == by_merchant_.end() ? 0 : known->second;
    // Results of calls that had grown old may make it more than full.
    if (has_room() && has < size() - used_) return true;
    pace_.was_full();
    return false;
}

void Window::count(std::uint64_t merchant_no) {
    ++used_;
    ++by_merchant_[merchant_no];
}

void Window::uncount(std::uint64_t merchant_no) {
    const auto known = by_merchant_.find(merchant_no);
    KONTOR_ASSERT(known != by_merchant_.end(), "what does not count any more was counted");
    --used_;
    if (--known->second == 0) by_merchant_.erase(known);
}

}  // namespace kontor::outbox

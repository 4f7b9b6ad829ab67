#pragma once
// Where the next look for due rows begins. Rows that are done are erased, and until the next checkpoint a
// scan walks over each of them: thousands of times, at thousands a second. New rows come behind what was
// seen, since they become due when they are made or later. Should a clock have gone back, they wait for the
// next look at all of them.

#include <cstdint>
#include <vector>

#include "kontor/machine/links.h"

namespace kontor::outbox {

class DueFront {
 public:
    [[nodiscard]] machine::Due begin(std::uint64_t monotonic_ms) {
        if (monotonic_ms < next_whole_ms_) return from_;
        next_whole_ms_ = monotonic_ms + kBetweenWholeScansMs;
        return {};
    }
    void saw(const std::vector<machine::Due>& page) {
        if (page.empty()) {
            from_ = last_;
        } else {
            from_ = {page.front().due_ms, page.front().no - 1};
            last_ = page.back();
        }
    }

 private:
    static constexpr std::uint64_t kBetweenWholeScansMs = 1000;
    machine::Due from_, last_;
    std::uint64_t next_whole_ms_ = 0;
};

}  // namespace kontor::outbox

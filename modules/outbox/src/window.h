#pragma once
// Which deliveries count as load on the log, and whose they are. Pace says how many may.
//
// One counts while its call is young and while its result is on its way into the log. A call that is older
// than kYoungMs does not: its receiver is slow, and a slow receiver brings no results to queue behind. So
// receivers that never answer take up the window for a moment only, and still no more begin in kYoungMs than
// the window allows. A merchant may have no more of it than is still free, as with the places of Shares:
// whoever comes new finds room.
//
// Threading: one thread. Deterministic: the caller tells the time.

#include <cstddef>
#include <cstdint>
#include <map>

#include "pace.h"

namespace kontor::outbox {

class Window {
 public:
    static constexpr std::uint64_t kYoungMs = 250;  // most receivers on the internet answer within this

    [[nodiscard]] std::size_t size() const { return pace_.window(); }
    [[nodiscard]] std::size_t used() const { return used_; }
    [[nodiscard]] bool has_room() const { return used_ < size(); }
    // False: full, or this merchant has its share. Then more would begin, and the window may grow.
    [[nodiscard]] bool may_begin(std::uint64_t merchant_no);
    void count(std::uint64_t merchant_no);
    void uncount(std::uint64_t merchant_no);

    // As Pace has them.
    void took(std::uint64_t took_ms, std::uint64_t now_ms) { pace_.took(took_ms, now_ms); }
    void refused(std::uint64_t now_ms) { pace_.refused(now_ms); }

 private:
    Pace pace_;
    std::size_t used_ = 0;
    std::map<std::uint64_t, std::size_t> by_merchant_;  // those that have something in it
};

}  // namespace kontor::outbox

#pragma once
// When the requests of an open loop are meant to be sent. Their latency counts from that time, not from when
// a busy generator or server let them go: a server that stalls for a second has made every request of that
// second wait.
//
// Threading: a value. Errors: none. Limits: 1 to kMaxRate a second; exact, request n * rate is n seconds
// after the start.

#include <cstdint>
#include <optional>
#include <string_view>

namespace kontor::app {

class OpenLoopSchedule {
 public:
    static constexpr std::uint64_t kMaxRate = 10'000'000;
    static constexpr std::uint64_t kSecond = 1'000'000'000;

    OpenLoopSchedule(std::uint64_t start_ns, std::uint64_t rate) : start_ns_(start_ns), rate_(rate) {}
    [[nodiscard]] std::uint64_t intended_ns(std::uint64_t request) const {
        return start_ns_ + request / rate_ * kSecond + request % rate_ * kSecond / rate_;
    }
    // How many requests are meant to be sent before `time_ns`.
    [[nodiscard]] std::uint64_t count_before(std::uint64_t time_ns) const {
        if (time_ns <= start_ns_) return 0;
        const std::uint64_t elapsed = time_ns - start_ns_;
        // Near the exact number, then corrected by what intended_ns() really says.
        std::uint64_t count = elapsed / kSecond * rate_ + elapsed % kSecond * rate_ / kSecond;
        while (intended_ns(count) < time_ns) ++count;
        return count;
    }

 private:
    std::uint64_t start_ns_, rate_;
};

// "20s", "500ms", "2m", "20" (seconds); nullopt when it is none of these or above a day.
[[nodiscard]] std::optional<std::uint64_t> parse_duration_ms(std::string_view text);

}  // namespace kontor::app

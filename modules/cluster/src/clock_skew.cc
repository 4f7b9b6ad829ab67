#include "clock_skew.h"

#include <algorithm>
#include <cstdlib>

namespace kontor::cluster {
namespace {

// A sample with a long way is worse than an older one with a short way, for as long as clocks do not drift
// apart.
constexpr std::uint64_t kKeptForShortWayMs = 2'000;

}  // namespace

void ClockSkew::heard(std::uint64_t node_no, std::int64_t their_wall_ms, std::int64_t wall_ms,
                      std::uint64_t round_trip_ms, std::uint64_t now_ms) {
    const auto half = static_cast<std::int64_t>(round_trip_ms / 2);
    const Sample sample{{their_wall_ms + half - wall_ms, half + 1}, now_ms};
    Sample& known = samples_[node_no];
    const bool tells_more =
        sample.skew.error_ms <= known.skew.error_ms || now_ms > known.at_ms + kKeptForShortWayMs ||
        std::abs(sample.skew.ahead_ms - known.skew.ahead_ms) > sample.skew.error_ms + known.skew.error_ms;
    if (known.at_ms == 0 || tells_more) known = sample;
}

std::optional<Skew> ClockSkew::of(std::uint64_t node_no, std::uint64_t now_ms) const {
    const auto found = samples_.find(node_no);
    if (found == samples_.end() || found->second.at_ms + kFreshMs < now_ms) return std::nullopt;
    return found->second.skew;
}

Skew ClockSkew::off(std::span<const std::uint64_t> others, std::uint64_t now_ms) const {
    std::vector<Skew> all{Skew{}};
    for (const std::uint64_t one : others)
        if (const auto skew = of(one, now_ms)) all.push_back(*skew);
    std::sort(all.begin(), all.end(), [](const Skew& a, const Skew& b) { return a.ahead_ms < b.ahead_ms; });
    const Skew& low = all[(all.size() - 1) / 2];
    const Skew& high = all[all.size() / 2];
    const Skew& median = std::abs(low.ahead_ms) <= std::abs(high.ahead_ms) ? low : high;
    return {-median.ahead_ms, median.error_ms};
}

std::optional<Skew> ClockSkew::off_of(std::uint64_t node_no, std::span<const std::uint64_t> others,
                                      std::uint64_t now_ms) const {
    const auto skew = of(node_no, now_ms);
    if (!skew) return std::nullopt;
    const Skew ours = off(others, now_ms);
    return Skew{ours.ahead_ms + skew->ahead_ms, ours.error_ms + skew->error_ms};
}

}  // namespace kontor::cluster

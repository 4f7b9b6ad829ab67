#pragma once
// How far the clocks of the nodes are apart, and whose is the odd one out (docs/adr/0010).
//
// Each node asks the others for their wall clock, again and again, and takes the half of the round trip off.
// Who is wrong, the median says: of three clocks of which two agree, the third. With two known clocks nobody
// can tell, and then neither is.
//
// Threading: the caller's lock.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace kontor::cluster {

// How far one clock is ahead of the other; the truth is at most `error_ms` off.
struct Skew {
    std::int64_t ahead_ms = 0;
    std::int64_t error_ms = 0;
};

class ClockSkew {
 public:
    // A node's clock showed `their_wall_ms` during a call that took `round_trip_ms` and came back at
    // `wall_ms`.
    void heard(std::uint64_t node_no, std::int64_t their_wall_ms, std::int64_t wall_ms,
               std::uint64_t round_trip_ms, std::uint64_t now_ms);
    // Of that node's clock from ours; nullopt: not heard for kFreshMs.
    [[nodiscard]] std::optional<Skew> of(std::uint64_t node_no, std::uint64_t now_ms) const;
    // How far our clock is ahead of the median of ours and theirs. Where two are in the middle, of the nearer
    // one: so there is always a node that is not off.
    [[nodiscard]] Skew off(std::span<const std::uint64_t> others, std::uint64_t now_ms) const;
    // The same of another node's clock, as far as this one can tell; nullopt: not heard of.
    [[nodiscard]] std::optional<Skew> off_of(std::uint64_t node_no, std::span<const std::uint64_t> others,
                                             std::uint64_t now_ms) const;

    static constexpr std::uint64_t kFreshMs = 5'000;

 private:
    struct Sample {
        Skew skew;
        std::uint64_t at_ms = 0;
    };
    std::map<std::uint64_t, Sample> samples_;  // by node: as many as there are members
};

// Beyond doubt: what cannot be measured is no reason to do anything.
[[nodiscard]] constexpr bool is_beyond(const Skew& off, std::int64_t limit_ms) {
    return (off.ahead_ms < 0 ? -off.ahead_ms : off.ahead_ms) - off.error_ms > limit_ms;
}

}  // namespace kontor::cluster

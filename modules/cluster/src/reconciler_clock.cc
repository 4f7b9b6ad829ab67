// The reconciler's look at the clocks: whose is off, and that such a node does not lead while a node with
// a good clock can.

#include <algorithm>
#include <cstdlib>

#include "cluster_impl.h"
#include "kontor/base/log.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kLookEveryMs = 500;
constexpr unsigned kLooksBeforeGivingUp = 2;          // a clock that is being set this moment is no reason
constexpr std::uint64_t kGiveUpAgainAfterMs = 5'000;  // when the first successor did not take over
// Somebody else offers itself well within this; when nobody can, this node does after all.
constexpr std::uint64_t kHoldBackMs = 3'000;
constexpr std::uint64_t kHoldBackElections = 3;

std::string direction(std::int64_t ahead_ms) {
    return std::to_string(std::abs(ahead_ms)) + " ms " + (ahead_ms > 0 ? "ahead of" : "behind");
}

}  // namespace

void ClusterImpl::look_after_clock(std::uint64_t now_ms) {
    if (now_ms < next_clock_ms_) return;
    next_clock_ms_ = now_ms + kLookEveryMs;
    const std::uint64_t self = identity().node_no;
    std::vector<std::uint64_t> voters, all;
    for (const replication::Member& member : node()->cluster_view().members) {
        if (member.id == self) continue;
        all.push_back(member.id);
        if (member.role == replication::MemberRole::voter) voters.push_back(member.id);
    }
    Skew off, largest;
    std::map<std::uint64_t, Skew> known;
    {
        const std::lock_guard lock(mutex_);
        off = skew_.off(voters, now_ms);
        for (const std::uint64_t one : all)
            if (const auto skew = skew_.of(one, now_ms)) known[one] = *skew;
    }
    for (const auto& [no, skew] : known) {
        if (std::abs(skew.ahead_ms) > std::abs(largest.ahead_ms)) largest = skew;
        const bool is_far = is_beyond(skew, options_.max_clock_skew_ms);
        if (std::exchange(told_skew_[no], is_far) == is_far) continue;
        const std::string what =
            "event=clock_skew node=" + std::to_string(no) + " ahead_ms=" + std::to_string(skew.ahead_ms);
        if (is_far)
            log::warning("cluster", what + ": its wall clock is " + direction(skew.ahead_ms) +
                                        " ours; set the one that is wrong (NTP)");
        else
            log::info("cluster", what + ": the clocks agree again");
    }
    clock_off_ms_.store(off.ahead_ms);
    clock_skew_ms_.store(largest.ahead_ms);
    const bool is_off = is_beyond(off, options_.max_clock_skew_ms);
    if (clock_is_off_.exchange(is_off) != is_off) {
        const std::string what = "event=clock_off by_ms=" + std::to_string(off.ahead_ms);
        if (is_off)
            log::warning("cluster",
                         what + ": our wall clock is " + direction(off.ahead_ms) +
                             " those of the others; this node does not lead while another one can. "
                             "Set the clock (NTP)");
        else
            log::info("cluster", what + ": our wall clock agrees with the others again");
    }
    node()->hold_back(is_off ? std::max(kHoldBackMs, kHoldBackElections * options_.election_timeout_ms) : 0);
    clock_off_looks_ = is_off ? clock_off_looks_ + 1 : 0;
    if (clock_off_looks_ >= kLooksBeforeGivingUp && node()->leads()) give_up_leading(voters, off, now_ms);
}

// To the voter that is the furthest of those whose clocks are right; without one this node goes on.
void ClusterImpl::give_up_leading(const std::vector<std::uint64_t>& voters, const Skew& off,
                                  std::uint64_t now_ms) {
    if (now_ms < next_give_up_ms_ || is_taking_over_.load() || is_stopping_.load()) return;
    std::uint64_t target = 0, furthest = 0;
    for (const replication::Member& member : node()->cluster_view().members) {
        if (member.role != replication::MemberRole::voter || !member.is_reachable) continue;
        if (std::find(voters.begin(), voters.end(), member.id) == voters.end()) continue;
        const std::lock_guard lock(mutex_);
        const auto theirs = skew_.off_of(member.id, voters, now_ms);
        if (!theirs || is_beyond(*theirs, options_.max_clock_skew_ms)) continue;
        if (target != 0 && member.match_index <= furthest) continue;
        target = member.id;
        furthest = member.match_index;
    }
    if (target == 0) return;
    next_give_up_ms_ = now_ms + kGiveUpAgainAfterMs;
    log::warning("cluster", "event=clock_gives_up_leading by_ms=" + std::to_string(off.ahead_ms) +
                                " to=" + std::to_string(target) + ": our wall clock is off");
    node()->transfer_leadership(target, [](const Result<void>& done) {
        if (!done) log::warning("cluster", "giving up leadership: " + done.error().describe());
    });
}

}  // namespace kontor::cluster

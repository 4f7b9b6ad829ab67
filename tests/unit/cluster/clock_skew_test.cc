#include "clock_skew.h"

#include <gtest/gtest.h>

#include <array>

namespace kontor::cluster {
namespace {

constexpr std::int64_t kWall = 1'800'000'000'000;
constexpr std::uint64_t kNow = 100'000;

// What each of some nodes makes of all clocks, by how far these are ahead of the truth.
ClockSkew seen_by(std::size_t who, const std::vector<std::int64_t>& ahead_ms,
                  std::uint64_t round_trip_ms = 2) {
    ClockSkew skew;
    for (std::size_t i = 0; i < ahead_ms.size(); ++i)
        if (i != who)
            skew.heard(i, kWall + ahead_ms[i],
                       kWall + ahead_ms[who] + static_cast<std::int64_t>(round_trip_ms / 2), round_trip_ms,
                       kNow);
    return skew;
}
std::vector<std::uint64_t> others_of(std::size_t who, std::size_t n) {
    std::vector<std::uint64_t> others;
    for (std::size_t i = 0; i < n; ++i)
        if (i != who) others.push_back(i);
    return others;
}
std::vector<std::size_t> beyond(const std::vector<std::int64_t>& ahead_ms, std::int64_t limit_ms) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < ahead_ms.size(); ++i) {
        const auto others = others_of(i, ahead_ms.size());
        if (is_beyond(seen_by(i, ahead_ms).off(others, kNow), limit_ms)) found.push_back(i);
    }
    return found;
}

TEST(ClockSkew, TakesHalfTheRoundTripOff) {
    ClockSkew skew;
    skew.heard(2, kWall + 150, kWall, 100, kNow);
    EXPECT_EQ(skew.of(2, kNow)->ahead_ms, 200);
    EXPECT_EQ(skew.of(2, kNow)->error_ms, 51);
    EXPECT_FALSE(skew.of(3, kNow));
    EXPECT_TRUE(skew.of(2, kNow + ClockSkew::kFreshMs));
    EXPECT_FALSE(skew.of(2, kNow + ClockSkew::kFreshMs + 1)) << "who is not heard of is not known";
}

TEST(ClockSkew, AShortWayTellsMoreThanALongOneUntilTheClockMoves) {
    ClockSkew skew;
    skew.heard(2, kWall, kWall, 2, kNow);
    skew.heard(2, kWall, kWall, 400, kNow + 500);
    EXPECT_EQ(skew.of(2, kNow + 500)->error_ms, 2);
    skew.heard(2, kWall + 8'000, kWall, 400, kNow + 1'000);
    EXPECT_EQ(skew.of(2, kNow + 1'000)->ahead_ms, 8'200);
}

TEST(ClockSkew, OfThreeTheOneThatTheOthersDisagreeWithIsOff) {
    EXPECT_TRUE(beyond({0, 0, 0}, 1'000).empty());
    EXPECT_EQ(beyond({0, 120'000, 10}, 1'000), std::vector<std::size_t>{1});
    EXPECT_EQ(beyond({-8'000, 0, 10}, 1'000), std::vector<std::size_t>{0});
    EXPECT_EQ(beyond({3'600'000, 3'600'010, 0}, 1'000), std::vector<std::size_t>{2})
        << "two of three are the time";
}

TEST(ClockSkew, SomebodyMayAlwaysLead) {
    EXPECT_EQ(beyond({0, 3'600'000, -3'600'000}, 1'000).size(), 2U);
    EXPECT_TRUE(beyond({0, 3'600'000}, 1'000).empty()) << "of two nobody can tell";
    EXPECT_TRUE(beyond({5'000}, 1'000).empty());
    EXPECT_LE(beyond({0, 10'000, 20'000, 30'000}, 1'000).size(), 2U);
    EXPECT_LE(beyond({0, 10'000, 20'000, 30'000, 40'000}, 1'000).size(), 4U);
}

TEST(ClockSkew, AtTheEdgeAndWhatCannotBeMeasured) {
    EXPECT_FALSE(is_beyond({1'002, 2}, 1'000));
    EXPECT_TRUE(is_beyond({1'003, 2}, 1'000));
    EXPECT_TRUE(is_beyond({-1'003, 2}, 1'000));
    EXPECT_FALSE(is_beyond({3'000, 2'500}, 1'000));
}

TEST(ClockSkew, ALeaderKnowsWhoCouldTakeOver) {
    const std::vector<std::int64_t> ahead{120'000, 20, 60'000, 0, 0};
    const auto skew = seen_by(0, ahead);
    const auto others = others_of(0, 5);
    EXPECT_FALSE(is_beyond(*skew.off_of(1, others, kNow), 1'000));
    EXPECT_TRUE(is_beyond(*skew.off_of(2, others, kNow), 1'000));
    EXPECT_FALSE(skew.off_of(9, others, kNow));
}

}  // namespace
}  // namespace kontor::cluster

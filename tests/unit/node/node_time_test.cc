#include "node_time.h"

#include <gtest/gtest.h>

namespace kontor::node {
namespace {

constexpr std::int64_t kStart = 1'800'000'000'000;

class TwoClocks final : public Clock {
 public:
    [[nodiscard]] std::int64_t wall_ms() const override { return wall; }
    [[nodiscard]] std::uint64_t monotonic_ms() const override { return boot; }
    void pass(std::int64_t ms) {
        wall += ms;
        boot += static_cast<std::uint64_t>(ms);
    }
    std::int64_t wall = kStart;
    std::uint64_t boot = 5'000;
};

TEST(MachineTime, WhoLeadsFirstAsksTheWallClockOnceAndNeverAgain) {
    TwoClocks clock;
    MachineTime time(clock);
    time.at_least(kStart - 21 * 86'400'000LL);  // the log's newest, of weeks ago
    EXPECT_EQ(time.now(), kStart - 21 * 86'400'000LL);
    time.begin();
    EXPECT_EQ(time.now(), kStart);
    clock.wall += 40 * 86'400'000LL;
    clock.boot += 10;
    time.begin();
    EXPECT_EQ(time.now(), kStart + 10);
    clock.wall -= 80 * 86'400'000LL;
    EXPECT_EQ(time.now(), kStart + 10);
}

TEST(MachineTime, AWallClockBeforeTheLogMovesNothing) {
    TwoClocks clock;
    MachineTime time(clock);
    time.at_least(kStart + 3'600'000);
    time.begin();
    EXPECT_EQ(time.now(), kStart + 3'600'000);
    clock.pass(500);
    EXPECT_EQ(time.now(), kStart + 3'600'500);
}

TEST(MachineTime, WhoHeardOfALeaderGoesOnFromThereWhateverItsOwnClockSays) {
    TwoClocks clock;
    clock.wall += 3'600'000;
    MachineTime time(clock);
    time.hear(kStart);
    clock.pass(700);
    time.begin();
    EXPECT_EQ(time.now(), kStart + 700);
    time.at_least(kStart);  // an entry on its way
    EXPECT_EQ(time.now(), kStart + 700);
    time.at_least(kStart + 800);
    EXPECT_EQ(time.now(), kStart + 800);
}

TEST(WallWatch, CountsStepsAndNotADriftOrASleep) {
    TwoClocks clock;
    WallWatch watch(clock);
    watch.look();
    for (int i = 0; i < 100; ++i) {
        clock.pass(200);
        clock.wall += 20;  // slewed
        watch.look();
    }
    clock.pass(3'600'000);
    watch.look();
    EXPECT_EQ(watch.stats().steps, 0U);
    clock.wall -= 8'000;
    watch.look();
    watch.look();
    EXPECT_EQ(watch.stats().steps, 1U);
    EXPECT_EQ(watch.stats().last_step_ms, -8'000);
    clock.wall += 40 * 86'400'000LL;
    watch.look();
    EXPECT_EQ(watch.stats().steps, 2U);
}

TEST(WallWatch, SaysHowFarTheClockLiesBeforeTheLog) {
    TwoClocks clock;
    WallWatch watch(clock);
    watch.look();
    EXPECT_EQ(watch.stats().behind_log_ms, 0);
    watch.log_has(kStart + 3'600'000);
    watch.look();
    EXPECT_EQ(watch.stats().behind_log_ms, 3'600'000);
    clock.pass(3'600'000);
    watch.look();
    EXPECT_EQ(watch.stats().behind_log_ms, 0);
}

}  // namespace
}  // namespace kontor::node

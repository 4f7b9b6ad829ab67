#include "node_time.h"

#include <gtest/gtest.h>

#include "support/test_clock.h"

namespace kontor::node {
namespace {

constexpr std::int64_t kStart = kontor_test::HandClock::kStartMs;

TEST(MachineTime, WhoLeadsFirstAsksTheWallClockOnceAndNeverAgain) {
    kontor_test::HandClock clock;
    MachineTime time(clock);
    time.at_least(kStart - 21 * 86'400'000LL);  // the log's newest, of weeks ago
    EXPECT_EQ(time.now(), kStart - 21 * 86'400'000LL);
    time.begin();
    EXPECT_EQ(time.now(), kStart);
    clock.step(40 * 86'400'000LL);
    clock.pass(10);
    time.begin();
    EXPECT_EQ(time.now(), kStart + 10);
    clock.step(-(80 * 86'400'000LL));
    EXPECT_EQ(time.now(), kStart + 10);
}

TEST(MachineTime, AWallClockBeforeTheLogMovesNothing) {
    kontor_test::HandClock clock;
    MachineTime time(clock);
    time.at_least(kStart + 3'600'000);
    time.begin();
    EXPECT_EQ(time.now(), kStart + 3'600'000);
    clock.pass(500);
    EXPECT_EQ(time.now(), kStart + 3'600'500);
}

TEST(MachineTime, WhoHeardOfALeaderGoesOnFromThereWhateverItsOwnClockSays) {
    kontor_test::HandClock clock;
    clock.step(3'600'000);
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
    kontor_test::HandClock clock;
    WallWatch watch(clock);
    watch.look();
    for (int i = 0; i < 100; ++i) {
        clock.pass(200);
        clock.step(20);  // slewed
        watch.look();
    }
    clock.pass(3'600'000);
    watch.look();
    EXPECT_EQ(watch.stats().steps, 0U);
    clock.step(-(8'000));
    watch.look();
    watch.look();
    EXPECT_EQ(watch.stats().steps, 1U);
    EXPECT_EQ(watch.stats().last_step_ms, -8'000);
    clock.step(40 * 86'400'000LL);
    watch.look();
    EXPECT_EQ(watch.stats().steps, 2U);
}

TEST(WallWatch, SaysHowFarTheClockLiesBeforeTheLog) {
    kontor_test::HandClock clock;
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

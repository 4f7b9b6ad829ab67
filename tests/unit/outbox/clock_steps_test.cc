// A node with its outbox while its wall clock is set: everything that waits for a time goes on as if nobody
// had touched it (docs/adr/0010). Each step, forward and back, while the node runs, between two runs and
// between two leaders, into a wrong time and out of it, with whatever was begun on the other side of the
// step.

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "till.h"

namespace kontor::outbox {
namespace {

using testing::kDay;
using testing::kHour;
using testing::Till;

constexpr std::int64_t kSteps[] = {1'000, -1'000, 8'000, -8'000, kHour, -kHour, 40 * kDay, -40 * kDay};

class ClockSteps : public ::testing::TestWithParam<bool> {};

// All steps at once: each mostly waits.
TEST_P(ClockSteps, HoldNothingUp) {
    const bool between_runs = GetParam();
    std::vector<std::thread> all;
    for (const std::int64_t step : kSteps) {
        all.emplace_back([step, between_runs] {
            SCOPED_TRACE("a step of " + std::to_string(step / 1000) + " s");
            Till till(0);
            till.begin();
            till.clock().set_wall_ahead(step);
            if (between_runs && step <= 8'000) till.restart();
            // A start with a clock that is ahead is a start after that time: what waited is over, and rightly
            // so.
            if (!between_runs || step <= 8'000) till.end("the clock is wrong");
            till.begin();
            till.clock().set_wall_ahead(0);
            if (between_runs) till.restart();
            till.end("the clock is right again");
            till.begin();
            till.funds_are_released();
        });
    }
    for (auto& one : all) one.join();
}
INSTANTIATE_TEST_SUITE_P(WhileItRunsAndBetweenRuns, ClockSteps, ::testing::Bool());

// The example: it starts an hour ahead, works, and is set right; nothing waits for that hour.
TEST(ClockStepsStart, WithAWrongClockThatIsSetRight) {
    std::vector<std::thread> all;
    for (const std::int64_t step : kSteps) {
        all.emplace_back([step] {
            SCOPED_TRACE("begun " + std::to_string(step / 1000) + " s off");
            Till till(step);
            till.begin();
            till.clock().set_wall_ahead(0);
            till.end("set right");
            till.restart();
            till.begin();
            till.end("after a restart");
            till.begin();
            till.funds_are_released();
        });
    }
    for (auto& one : all) one.join();
}

// The leader's clock is wrong, and another node takes over whose clock is right; then that one's is set, and
// the first one, right by now, leads again. What the one began comes to its end with the other.
TEST(ClockStepsLeaderChange, TheSuccessorGoesOnWithTheMachineTime) {
    for (const bool from_the_start : {false, true}) {
        std::vector<std::thread> all;
        for (const std::int64_t step : kSteps) {
            all.emplace_back([step, from_the_start] {
                SCOPED_TRACE("a step of " + std::to_string(step / 1000) + " s");
                Till till(from_the_start ? step : 0, true);
                till.begin();
                till.clock().set_wall_ahead(step);
                till.end("the leader's clock is wrong");
                till.begin();
                till.hand_over();
                till.end("its successor's is right");
                till.begin();
                till.clock().set_wall_ahead(step);
                till.successors_clock().set_wall_ahead(0);
                till.hand_over();
                till.end("the first one's is right again");
                till.begin();
                till.funds_are_released();
            });
        }
        for (auto& one : all) one.join();
    }
}

}  // namespace
}  // namespace kontor::outbox

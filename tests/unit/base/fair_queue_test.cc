#include "kontor/base/fair_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace kontor {
namespace {

bool push(FairQueue<std::string>& queue, const std::string& lane, const std::string& job,
          std::optional<std::string>* given_up = nullptr) {
    std::optional<std::string> victim;
    const bool taken = queue.push(lane, std::string(job), victim);
    if (given_up != nullptr) *given_up = victim;
    return taken;
}

TEST(FairQueue, LanesTakeTurns) {
    FairQueue<std::string> queue(10, 10);
    for (const char* job : {"a1", "a2", "a3"}) EXPECT_TRUE(push(queue, "a", job));
    EXPECT_TRUE(push(queue, "b", "b1"));
    EXPECT_TRUE(push(queue, "c", "c1"));
    std::string order;
    while (const auto job = queue.pop()) order += *job + " ";
    EXPECT_EQ(order, "a1 b1 c1 a2 a3 ");
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(queue.pop());
}

TEST(FairQueue, ALaneHasAShareAndAFullQueueTakesFromTheLongest) {
    FairQueue<std::string> queue(4, 3);
    for (const char* job : {"a1", "a2", "a3"}) EXPECT_TRUE(push(queue, "a", job));
    EXPECT_FALSE(push(queue, "a", "a4")) << "its share";
    std::optional<std::string> victim;
    EXPECT_TRUE(push(queue, "b", "b1", &victim));
    EXPECT_FALSE(victim);
    EXPECT_TRUE(push(queue, "c", "c1", &victim));
    EXPECT_EQ(victim, "a3") << "the newest of the longest";
    EXPECT_EQ(queue.size(), 4U);
    EXPECT_FALSE(push(queue, "b", "b2", &victim)) << "a lane that would be as long takes nothing away";
    EXPECT_FALSE(victim);
}

}  // namespace
}  // namespace kontor

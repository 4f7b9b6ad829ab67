// What a process in a small control group takes, and when it refuses to start there.
#include "memory_plan.h"

#include <gtest/gtest.h>

namespace kontor::app {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

MachineShare limited(std::uint64_t mib) {
    return {mib * kMiB, true, 1};
}

TEST(MemoryPlan, AnEighthAndASixteenthOfWhatIsAllowed) {
    const auto large = plan_memory({}, {24ULL << 30, false, 2});
    ASSERT_TRUE(large);
    EXPECT_EQ(large->cache_bytes, 3ULL << 30);
    EXPECT_EQ(large->memtable_bytes, kMostMemtableBytes);
    const auto small = plan_memory({}, limited(300));
    ASSERT_TRUE(small) << small.error().describe();
    EXPECT_EQ(small->cache_bytes, 300 * kMiB / 8);
    EXPECT_EQ(small->memtable_bytes, 300 * kMiB / 16);
    EXPECT_EQ(small->request_bytes, 300 * kMiB / 16);
    EXPECT_EQ(small->answer_bytes, 300 * kMiB / 16);
    EXPECT_EQ(small->queue_bytes, 300 * kMiB / 16);
    EXPECT_EQ(small->reports_bytes, 300 * kMiB / 32);
    EXPECT_EQ(small->connection_bytes, 300 * kMiB / 16);
    EXPECT_EQ(small->batch_commands, 18U);
    EXPECT_EQ(small->deliveries, 37U);
    EXPECT_EQ(small->channel_calls, 18U);
    EXPECT_EQ(large->batch_commands, 1'536U);
    EXPECT_EQ(large->deliveries, 256U);
    EXPECT_EQ(large->channel_calls, 512U);
    EXPECT_EQ(large->connection_bytes, 10'000 * kConnectionBytes);
    EXPECT_EQ(large->request_bytes, kMostWaitingBytes);
    EXPECT_EQ(large->queue_bytes, kMostQueueBytes);
    EXPECT_EQ(large->reports_bytes, kMostReportsBytes);
}

TEST(MemoryPlan, TheLargestBodyFitsIntoHalfOfAllBodies) {
    Settings settings;
    settings.https_max_request_mib = 16;
    settings.https_max_body_kib = 8 * 1024;
    EXPECT_EQ(plan_memory(settings, limited(1024))->request_bytes, 16 * kMiB);
    settings.https_max_body_kib += 1;
    EXPECT_EQ(plan_memory(settings, limited(1024))->request_bytes, 16 * kMiB + 2048);
}

TEST(MemoryPlan, TheEdge) {
    EXPECT_TRUE(plan_memory({}, limited(239)));
    const auto refused = plan_memory({}, limited(238));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(refused.error().message.find("allows 238 MiB"), std::string::npos) << refused.error().message;
}

TEST(MemoryPlan, SettingsAreObeyedOrRefused) {
    Settings settings;
    settings.cache_mib = 64;
    settings.memtable_mib = 32;
    const auto plan = plan_memory(settings, limited(334));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->cache_bytes, 64 * kMiB);
    EXPECT_EQ(plan->memtable_bytes, 32 * kMiB);
    const auto refused = plan_memory(settings, limited(333));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("may need 334 MiB"), std::string::npos) << refused.error().message;
    EXPECT_TRUE(plan_memory(settings, {175 * kMiB, false, 1})) << "a machine without a limit may swap";
    EXPECT_TRUE(plan_memory(settings, {128 * kMiB, false, 1}));
    const auto larger = plan_memory(settings, {127 * kMiB, false, 1});
    ASSERT_FALSE(larger) << "but has not what caches and memtables alone take";
    EXPECT_NE(larger.error().message.find("this machine has 127 MiB"), std::string::npos)
        << larger.error().message;
    EXPECT_TRUE(plan_memory({}, {1 * kMiB, false, 1})) << "nobody asked for anything";
}

}  // namespace
}  // namespace kontor::app

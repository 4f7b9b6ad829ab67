#include "descriptors.h"

#include <gtest/gtest.h>

namespace kontor::app {
namespace {

TEST(Descriptors, TheDefaultFitsWhateverIsThere) {
    const Settings settings;
    for (const std::uint64_t limit : {512U, 1'024U, 4'096U, 20'000U, 1'048'576U, 4'000'000'000U}) {
        const auto plan = plan_descriptors(settings, limit);
        ASSERT_TRUE(plan) << limit;
        EXPECT_GE(plan->max_connections, kFewestConnections) << limit;
        EXPECT_LE(plan->max_connections, kDefaultMaxConnections) << limit;
        EXPECT_LE(plan->max_connections + kFileDescriptors + 2 * 8, limit) << limit;
        EXPECT_EQ(plan->max_connections_per_address, plan->max_connections / 4) << limit;
        EXPECT_LE(static_cast<std::uint64_t>(plan->max_descriptor) + kFileDescriptors, limit) << limit;
    }
    EXPECT_EQ(plan_descriptors(settings, 1'024)->max_connections, 1'024U - 272 - 256);
    EXPECT_EQ(plan_descriptors(settings, 65'536)->max_connections, 10'000U);
}

TEST(Descriptors, WhatDoesNotFitIsSaidAtItsEdge) {
    Settings settings;
    settings.https_max_connections = 1'024 - 272 - 256;
    EXPECT_TRUE(plan_descriptors(settings, 1'024));
    ++settings.https_max_connections;
    const auto none = plan_descriptors(settings, 1'024);
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message.find("max_connections = 497 does not fit, at most 496 do"),
              std::string::npos)
        << none.error().message;
    EXPECT_NE(none.error().message.find("RLIMIT_NOFILE"), std::string::npos);
    // A sum that is no number at all any more.
    settings.https_max_connections = 0;
    EXPECT_TRUE(plan_descriptors(settings, 383));
    EXPECT_FALSE(plan_descriptors(settings, 382));
    EXPECT_FALSE(plan_descriptors(settings, 0));
}

TEST(Descriptors, AShareOfOnesOwn) {
    Settings settings;
    settings.https_max_connections = 100;
    settings.https_max_connections_per_address = 60;
    EXPECT_EQ(plan_descriptors(settings, 20'000)->max_connections_per_address, 60U);
}

}  // namespace
}  // namespace kontor::app

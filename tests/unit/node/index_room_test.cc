// The end of the log's indexes: warned of, then nothing is written; never met.
#include "index_room.h"

#include <gtest/gtest.h>

#include "kontor/base/object_id.h"

namespace kontor::node {
namespace {

TEST(IndexRoom, RefusesBeforeTheEnd) {
    IndexRoom room(kMaxLogIndex);
    room.look(1);
    EXPECT_FALSE(room.refuses());
    EXPECT_EQ(room.text(), "");
    room.look(kMaxLogIndex - IndexRoom::kReserve - 1);
    EXPECT_FALSE(room.refuses());
    EXPECT_GT(room.used(kMaxLogIndex - IndexRoom::kReserve), 0.99);
    room.look(kMaxLogIndex - IndexRoom::kReserve);
    EXPECT_TRUE(room.refuses());
    EXPECT_NE(room.text().find("used up"), std::string::npos);
}

// A queue full of light commands goes through after the last look, and the end is still far.
TEST(IndexRoom, TheReserveHoldsWhatMayBeUnderWay) {
    EXPECT_GT(IndexRoom::kReserve, 10 * 100'000U);
}

TEST(IndexRoom, WarnsOnceAPercent) {
    IndexRoom room(1'000);
    ::testing::internal::CaptureStderr();
    room.look(799);
    EXPECT_EQ(::testing::internal::GetCapturedStderr().find("log_index_used"), std::string::npos);
    ::testing::internal::CaptureStderr();
    room.look(800);
    room.look(809);
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("percent=80"), std::string::npos) << said;
    EXPECT_EQ(said.find("percent", said.find("percent") + 1), std::string::npos) << said;
}

}  // namespace
}  // namespace kontor::node

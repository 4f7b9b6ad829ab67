#include "kontor/base/object_id.h"

#include <gtest/gtest.h>

namespace kontor {
namespace {

TEST(ObjectNoTest, PacksAndUnpacksAtTheEdges) {
    EXPECT_EQ(make_object_no(0, 0, 0, 0), 0U);
    EXPECT_EQ(make_object_no(0, 0, 0, kMaxObjectsPerCommand), 0x3FFU);
    EXPECT_EQ(make_object_no(0, 0, 1, 0), 0x400U);
    EXPECT_EQ(make_object_no(0, 1, 0, 0), 0x80000U);
    EXPECT_EQ(make_object_no(1, 0, 0, 0), 0x1000'0000'0000'0000U);
    EXPECT_EQ(make_object_no(0, kMaxLogIndex, kMaxCommandsPerBatch - 1, kMaxObjectsPerCommand),
              0x0FFF'FFFF'FFFF'FFFFU);
    EXPECT_EQ(make_object_no(kMaxGroup, kMaxLogIndex, kMaxCommandsPerBatch - 1, kMaxObjectsPerCommand),
              ~ObjectNo{0});
    for (const std::uint64_t group : {kFirstGroup, kMaxGroup}) {
        const ObjectNo no = make_object_no(group, 77, 5, 9);
        EXPECT_EQ(group_of(no), group);
        EXPECT_EQ(log_index_of(no), 77U);
        EXPECT_EQ(command_in_batch(no), 5U);
        EXPECT_EQ(command_no(no), make_object_no(group, 77, 5, 0));
        EXPECT_EQ(command_no(command_no(no)), command_no(no));
        EXPECT_EQ(last_of_command(no), make_object_no(group, 77, 5, kMaxObjectsPerCommand));
    }
    EXPECT_EQ(log_index_of(make_object_no(kMaxGroup, kMaxLogIndex, 511, 1'023)), kMaxLogIndex);
    EXPECT_EQ(command_in_batch(make_object_no(kMaxGroup, kMaxLogIndex, 511, 1'023)), 511U);
}

TEST(ObjectNoTest, NumbersRiseWithTheLog) {
    EXPECT_LT(make_object_no(0, 1, 511, 1'023), make_object_no(0, 2, 0, 0));
    EXPECT_LT(make_object_no(0, 1, 1, 1'023), make_object_no(0, 1, 2, 0));
    EXPECT_LT(make_object_no(0, kMaxLogIndex, 511, 1'023), make_object_no(1, 1, 0, 0));
}

}  // namespace
}  // namespace kontor

#include "kontor/base/object_id.h"

#include <gtest/gtest.h>

#include <vector>

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
        EXPECT_EQ(command_no(no), make_object_no(group, 77, 5, 0));
        EXPECT_EQ(command_no(command_no(no)), command_no(no));
        EXPECT_EQ(last_of_command(no), make_object_no(group, 77, 5, kMaxObjectsPerCommand));
    }
    EXPECT_EQ(log_index_of(make_object_no(kMaxGroup, kMaxLogIndex, 511, 1'023)), kMaxLogIndex);
}

TEST(ObjectNoTest, NumbersRiseWithTheLog) {
    EXPECT_LT(make_object_no(0, 1, 511, 1'023), make_object_no(0, 2, 0, 0));
    EXPECT_LT(make_object_no(0, 1, 1, 1'023), make_object_no(0, 1, 2, 0));
    EXPECT_LT(make_object_no(0, kMaxLogIndex, 511, 1'023), make_object_no(1, 1, 0, 0));
}

TEST(IdTest, FormatsWithPadding) {
    EXPECT_EQ(format_id("pi", 0), "pi_00000000000");
    EXPECT_EQ(format_id("pi", 61), "pi_0000000000z");
    EXPECT_EQ(format_id("pi", 62), "pi_00000000010");
    EXPECT_EQ(format_id("cus", ~ObjectNo{0}), "cus_LygHa16AHYF");  // 2^64 - 1
    EXPECT_EQ(format_id("", 1), "_00000000001");
}

TEST(IdTest, IdsSortLikeTheirNumbers) {
    std::vector<ObjectNo> numbers = {0, 9, 10, 35, 36, 61, 62, 3843, 3844};
    for (unsigned shift = 12; shift < 64; ++shift) {
        numbers.push_back((ObjectNo{1} << shift) - 1);
        numbers.push_back(ObjectNo{1} << shift);
    }
    numbers.push_back(~ObjectNo{0});
    for (std::size_t i = 1; i < numbers.size(); ++i) {
        if (numbers[i - 1] >= numbers[i]) continue;
        EXPECT_LT(format_id("x", numbers[i - 1]), format_id("x", numbers[i]));
    }
    numbers.erase(numbers.begin());
    for (const ObjectNo no : numbers) EXPECT_EQ(parse_id("x", format_id("x", no)), no);
    EXPECT_FALSE(parse_id("x", format_id("x", 0)));  // 0 means "none": no object has it
}

TEST(IdTest, OnlyTheExactFormIsParsed) {
    EXPECT_EQ(parse_id("pi", "pi_00000000010"), 62U);
    for (const char* bad : {"", "pi", "pi_", "pi_0000000001", "pi_000000000100", "py_00000000010",
                            "PI_00000000010", "pi-00000000010", "pi_0000000001 ", " pi_0000000001",
                            "pi_0000000_010", "pi_-0000000010", "ppi_00000000010", "pi_0000000001\xC3"})
        EXPECT_FALSE(parse_id("pi", bad)) << bad;
    // One above 2^64 - 1, and the largest eleven digits.
    EXPECT_TRUE(parse_id("pi", "pi_LygHa16AHYF"));
    EXPECT_FALSE(parse_id("pi", "pi_LygHa16AHYG"));
    EXPECT_FALSE(parse_id("pi", "pi_zzzzzzzzzzz"));
}

}  // namespace
}  // namespace kontor

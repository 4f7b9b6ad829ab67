#include "huge_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace kontor::store {
namespace {

constexpr std::uint64_t kBlock = HugeBlocks::kBlockBytes;

TEST(HugeBlocksTest, BlocksAreAlignedAndWritable) {
    HugeBlocks blocks(kBlock);
    char* const block = blocks.take();
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % kBlock, 0U);
    std::memset(block, 1, kBlock);
    blocks.give_back({block});
}

TEST(HugeBlocksTest, HandsOnWhatWasGivenBack) {
    HugeBlocks blocks(2 * kBlock);
    char* const first = blocks.take();
    char* const second = blocks.take();
    ASSERT_NE(first, second);
    std::memset(first, 1, kBlock);
    blocks.give_back({first, second});
    const auto again = {blocks.take(), blocks.take()};
    EXPECT_EQ(std::count(again.begin(), again.end(), first), 1);
    EXPECT_EQ(std::count(again.begin(), again.end(), second), 1);
    EXPECT_EQ(first[kBlock - 1], 1);  // the same memory, not new
    blocks.give_back(again);
}

// What is above the limit goes back to the system: memory that is taken next begins as zeros.
TEST(HugeBlocksTest, KeepsNoMoreThanItsLimit) {
    HugeBlocks blocks(kBlock + kBlock / 2);
    const std::vector<char*> taken{blocks.take(), blocks.take()};
    for (char* block : taken) std::memset(block, 1, kBlock);
    blocks.give_back(taken);
    const std::vector<char*> again{blocks.take(), blocks.take()};
    EXPECT_EQ(again[0][0], 1);
    EXPECT_EQ(again[1][0], 0);
    blocks.give_back(again);
}

TEST(BlocksTest, AreSmallFirstThenHugeAndGoBackAtTheEnd) {
    HugeBlocks huge(kBlock);
    {
        Blocks blocks(huge);
        EXPECT_EQ(blocks.next(0).size(), Blocks::kSmallBlockBytes);
        EXPECT_EQ(blocks.next(Blocks::kSmallUseBytes - 1).size(), Blocks::kSmallBlockBytes);
        const std::span<char> first = blocks.next(Blocks::kSmallUseBytes);
        ASSERT_EQ(first.size(), kBlock);
        std::memset(first.data(), 1, first.size());
        EXPECT_EQ(blocks.of(77).size(), 77U);
    }
    Blocks next(huge);
    EXPECT_EQ(next.next(Blocks::kSmallUseBytes)[kBlock - 1], 1);  // the same memory, not new
}

}  // namespace
}  // namespace kontor::store

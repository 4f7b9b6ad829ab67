// The queue's fairness: whose commands come into a batch, and who is told to wait.
#include "proposals.h"

#include <gtest/gtest.h>

#include "kontor/base/object_id.h"

namespace kontor::node {
namespace {

constexpr std::size_t kMany = 1'000'000;

Proposal proposal(std::uint64_t merchant_no, std::size_t bytes, std::uint64_t weight = 1) {
    Proposal made;
    made.merchant_no = merchant_no;
    made.bytes = bytes;
    made.weight = weight;
    return made;
}

Proposals::Refusal add(Proposals& proposals, std::uint64_t merchant_no, std::size_t bytes,
                       std::uint64_t weight = 1) {
    Proposal made = proposal(merchant_no, bytes, weight);
    return proposals.add(made);
}

std::map<std::uint64_t, std::size_t> bytes_by_merchant(const std::vector<Proposal>& batch) {
    std::map<std::uint64_t, std::size_t> bytes;
    for (const Proposal& taken : batch) bytes[taken.merchant_no] += taken.bytes;
    return bytes;
}

constexpr auto kNone = Proposals::Refusal::none;
constexpr auto kFull = Proposals::Refusal::full;

TEST(Proposals, OneAfterTheOtherForOneMerchant) {
    Proposals proposals(1 << 20, 1'000);
    for (std::size_t i = 1; i <= 5; ++i) ASSERT_EQ(add(proposals, 7, i), kNone);
    const auto batch = proposals.take({1 << 20, 1'000, kMany});
    ASSERT_EQ(batch.size(), 5U);
    for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(batch[i].bytes, i + 1);
    EXPECT_TRUE(proposals.take({1 << 20, 1'000, kMany}).empty());
    EXPECT_TRUE(proposals.idle());
}

TEST(Proposals, ABatchHasSoManyCommands) {
    Proposals proposals(1 << 20, 1'000);
    for (std::uint64_t i = 0; i < 5; ++i) ASSERT_EQ(add(proposals, i % 2, 1), kNone);
    EXPECT_EQ(proposals.take({1 << 20, 1'000, 3}).size(), 3U);
    EXPECT_EQ(proposals.take({1 << 20, 1'000, 3}).size(), 2U);
    EXPECT_TRUE(proposals.idle());
}

TEST(Proposals, WhoSendsMuchDoesNotDelayWhoSendsLittle) {
    Proposals proposals(64 << 20, 100'000);
    // A flood of large commands first, then two merchants with a few small ones each.
    for (int i = 0; i < 40; ++i) ASSERT_EQ(add(proposals, 1, 400'000), kNone);
    for (int i = 0; i < 10; ++i) ASSERT_EQ(add(proposals, 2, 300), kNone);
    for (int i = 0; i < 10; ++i) ASSERT_EQ(add(proposals, 3, 300), kNone);
    const auto first = bytes_by_merchant(proposals.take({512U << 10U, 1'000'000, kMany}));
    EXPECT_EQ(first.at(2), 3'000U);
    EXPECT_EQ(first.at(3), 3'000U);
    EXPECT_EQ(first.at(1), 400'000U);  // and the large one is not starved either
}

TEST(Proposals, FloodsShareEvenly) {
    Proposals proposals(64 << 20, 100'000);
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(add(proposals, 1, 1'000), kNone);
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(add(proposals, 2, 5'000), kNone);
    std::map<std::uint64_t, std::size_t> sum;
    for (int i = 0; i < 4; ++i)
        for (const auto& [merchant, bytes] :
             bytes_by_merchant(proposals.take({256U << 10U, 1'000'000, kMany})))
            sum[merchant] += bytes;
    EXPECT_NEAR(static_cast<double>(sum[1]), static_cast<double>(sum[2]), 2.0 * kTurnBytes);
}

TEST(Proposals, ABatchIsBoundedByBytesAndByWeightButTakesOneCommand) {
    Proposals proposals(64 << 20, 100'000);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(add(proposals, 1, 100, 8'192), kNone);
    EXPECT_EQ(proposals.take({1 << 20, 16'384, kMany}).size(), 2U);
    EXPECT_EQ(proposals.take({1 << 20, 16'384, kMany}).size(), 1U);
    ASSERT_EQ(add(proposals, 1, 1 << 20), kNone);
    ASSERT_EQ(add(proposals, 1, 1), kNone);
    EXPECT_EQ(proposals.take({1'000, 16'384, kMany}).size(), 1U);
    EXPECT_EQ(proposals.take({1'000, 16'384, kMany}).size(), 1U);
}

// A batch of the ledger API weighs as much as 8,192 commands and is one; light ones end at the entry's
// numbers.
TEST(Proposals, ABatchHasNoMoreCommandsThanAnEntryHasNumbersFor) {
    Proposals proposals(64 << 20, 100'000);
    for (std::size_t i = 0; i < kMaxCommandsPerBatch + 1; ++i) ASSERT_EQ(add(proposals, i % 7, 10), kNone);
    EXPECT_EQ(proposals.take({1 << 20, 1'000'000, kMany}).size(), kMaxCommandsPerBatch);
    EXPECT_EQ(proposals.take({1 << 20, 1'000'000, kMany}).size(), 1U);
    EXPECT_TRUE(proposals.idle());
}

TEST(Proposals, NobodyFillsTheQueueForAllOthers) {
    constexpr std::size_t kQueue = 100'000;
    Proposals proposals(kQueue, 1'000'000);
    std::size_t first = 0;
    while (add(proposals, 1, 1'000) == kNone) first += 1'000;
    EXPECT_EQ(first, kQueue / 2);  // alone: half of it
    std::size_t second = 0;
    while (add(proposals, 2, 1'000) == kNone) second += 1'000;
    EXPECT_EQ(second, kQueue / 4);
    EXPECT_EQ(add(proposals, 3, 1'000), kNone);  // a new merchant finds room
    EXPECT_EQ(add(proposals, 1, 1'000), kFull);
    // The instance's own commands may have all that is left.
    std::size_t own = 0;
    while (add(proposals, 0, 1'000) == kNone) own += 1'000;
    EXPECT_EQ(first + second + 1'000 + own, kQueue);
    EXPECT_EQ(proposals.queued().first, kQueue);
    // What was taken is free again, and not a byte is lost from the books.
    while (!proposals.take({10'000, 1'000'000, kMany}).empty()) {
    }
    EXPECT_EQ(proposals.queued(), (std::pair<std::uint64_t, std::uint64_t>(0, 0)));
    EXPECT_EQ(add(proposals, 1, 50'000), kNone);
}

TEST(Proposals, CommandsAreBoundedTheSameWay) {
    Proposals proposals(1 << 20, 8);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(add(proposals, 1, 1), kNone);
    EXPECT_EQ(add(proposals, 1, 1), kFull);
    EXPECT_EQ(add(proposals, 2, 1), kNone);
    EXPECT_EQ(add(proposals, 2, 1), kNone);
    EXPECT_EQ(add(proposals, 2, 1), kFull);
}

TEST(Proposals, ClosedIsClosed) {
    Proposals proposals(1 << 20, 8);
    ASSERT_EQ(add(proposals, 1, 1), kNone);
    ASSERT_EQ(add(proposals, 2, 1), kNone);
    EXPECT_EQ(proposals.close().size(), 2U);
    EXPECT_EQ(add(proposals, 1, 1), Proposals::Refusal::closed);
    EXPECT_TRUE(proposals.idle());
}

}  // namespace
}  // namespace kontor::node

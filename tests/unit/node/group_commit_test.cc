// When the next batch is worth proposing: group commit.

#include "proposals.h"

#include <gtest/gtest.h>

namespace kontor::node {
namespace {

constexpr std::size_t kMany = 1'000'000;

Proposal of_bytes(std::size_t bytes) {
    Proposal proposal;
    proposal.command = std::string(bytes, 'x');
    proposal.bytes = bytes;
    return proposal;
}

void add(Proposals& proposals, std::size_t bytes) {
    Proposal proposal = of_bytes(bytes);
    ASSERT_EQ(proposals.add(proposal), Proposals::Refusal::none);
}

std::uint64_t launch_all(Proposals& proposals) {
    auto batch = proposals.take({1U << 20U, 10'000, kMany});
    EXPECT_FALSE(batch.empty());
    return proposals.launch(batch);
}

TEST(GroupCommit, ABatchUnderWayLetsTheNextOneGather) {
    Proposals proposals(8U << 20U, 10'000);
    EXPECT_FALSE(proposals.worth_proposing()) << "nothing waits";
    add(proposals, 100);
    EXPECT_TRUE(proposals.worth_proposing()) << "nobody else is under way: no reason to wait";
    const std::uint64_t first = launch_all(proposals);
    add(proposals, 100);
    EXPECT_FALSE(proposals.worth_proposing());
    proposals.accepted(first, {7, 1});
    std::vector<Flight> lost;
    ASSERT_TRUE(proposals.land({7, 1}, lost));
    EXPECT_TRUE(proposals.worth_proposing()) << "the first one has landed";
}

TEST(GroupCommit, WhatIsAppliedLeavesTheLogToTheNextOne) {
    Proposals proposals(8U << 20U, 10'000);
    add(proposals, 100);
    const std::uint64_t first = launch_all(proposals);
    add(proposals, 100);
    proposals.leaves_log({7, 1});
    EXPECT_FALSE(proposals.worth_proposing()) << "another entry: this one has no position yet";
    proposals.accepted(first, {8, 1});
    proposals.leaves_log({7, 1});
    EXPECT_FALSE(proposals.worth_proposing()) << "an earlier entry";
    proposals.leaves_log({8, 1});
    EXPECT_TRUE(proposals.worth_proposing());
    launch_all(proposals);
    add(proposals, 100);
    EXPECT_FALSE(proposals.worth_proposing()) << "one in the log, one being applied: the third gathers";
    std::vector<Flight> lost;
    ASSERT_TRUE(proposals.land({8, 1}, lost));
    EXPECT_FALSE(proposals.worth_proposing()) << "the second one is still in the log";
}

TEST(GroupCommit, WhatFailsMakesRoomToo) {
    Proposals proposals(8U << 20U, 10'000);
    add(proposals, 100);
    const std::uint64_t first = launch_all(proposals);
    add(proposals, 100);
    ASSERT_FALSE(proposals.worth_proposing());
    ASSERT_TRUE(proposals.abandon(first));
    EXPECT_TRUE(proposals.worth_proposing());
}

// The log's own entries are not told: what they replaced is still thought to be in the log.
TEST(GroupCommit, WhatAnEarlierTermLeftBehindMakesRoom) {
    Proposals proposals(8U << 20U, 10'000);
    add(proposals, 100);
    const std::uint64_t old = launch_all(proposals);
    proposals.accepted(old, {7, 1});
    add(proposals, kGatheredBytes);
    const std::uint64_t current = launch_all(proposals);
    proposals.accepted(current, {8, 3});
    add(proposals, kGatheredBytes);
    launch_all(proposals);  // has no position yet
    EXPECT_TRUE(proposals.abandon_before(1).empty());
    const auto left = proposals.abandon_before(3);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left.front().id, old);
    EXPECT_TRUE(proposals.abandon_before(3).empty());
    std::vector<Flight> lost;
    const auto landed = proposals.land({8, 3}, lost);
    ASSERT_TRUE(landed);
    EXPECT_EQ(landed->id, current);
    EXPECT_TRUE(lost.empty());
}

TEST(GroupCommit, ATermThatLeftOneFlightBehindHoldsNothingBack) {
    Proposals proposals(8U << 20U, 10'000);
    add(proposals, 100);
    proposals.accepted(launch_all(proposals), {7, 1});
    add(proposals, 100);
    ASSERT_FALSE(proposals.worth_proposing());
    EXPECT_EQ(proposals.abandon_before(2).size(), 1U);
    EXPECT_TRUE(proposals.worth_proposing());
}

TEST(GroupCommit, MuchThatWaitsIsNotHeldBack) {
    Proposals proposals(8U << 20U, 10'000);
    add(proposals, 100);
    launch_all(proposals);
    add(proposals, kGatheredBytes - 1);
    EXPECT_FALSE(proposals.worth_proposing());
    add(proposals, 1);
    EXPECT_TRUE(proposals.worth_proposing()) << "large batches are pipelined";
}

}  // namespace
}  // namespace kontor::node

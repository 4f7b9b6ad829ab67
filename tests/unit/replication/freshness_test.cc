// As of when a node knows everything: with stops at every place where they hurt.
#include "freshness.h"

#include <gtest/gtest.h>

namespace kontor::replication {
namespace {

constexpr std::uint64_t kStallMs = 250;

Configuration voters(unsigned count) {
    Configuration configuration;
    for (unsigned id = 1; id <= count; ++id)
        configuration.servers.push_back({id, "node-" + std::to_string(id), ServerRole::voter});
    return configuration;
}

struct Leader {
    Freshness fresh{kStallMs};
    Configuration configuration = voters(3);
    std::map<std::uint64_t, std::uint64_t> match;
    bool is_of_term = true;
    void lap(std::uint64_t now_ms, std::initializer_list<std::uint64_t> answering) {
        fresh.look(now_ms);
        for (const std::uint64_t peer : answering) fresh.answered(peer);
        fresh.lead(configuration, 1, is_of_term, [this](std::uint64_t peer) { return match[peer]; });
    }
};

TEST(Freshness, ALeaderKnowsWhatAMajorityAnswered) {
    Leader leader;
    leader.lap(1'000, {});
    EXPECT_EQ(leader.fresh.known_at_ms(), 0U);
    leader.lap(1'100, {2});
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'100U) << "itself and one other";
    leader.lap(1'200, {});
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'100U);
    leader.configuration = voters(5);
    leader.lap(1'300, {3});
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'100U) << "two others are needed: the second newest counts";
    leader.lap(1'400, {4});
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'300U);
}

// Another one may have led since a majority last answered, so this counts less than the word of a leader.
TEST(Freshness, WhoLedKnowsByItselfUntilItHearsAnotherLeader) {
    Leader leader;
    EXPECT_FALSE(leader.fresh.is_by_own_lead());
    leader.lap(1'000, {2});
    EXPECT_TRUE(leader.fresh.is_by_own_lead());
    leader.fresh.look(1'100);
    leader.fresh.follow(10, true);
    EXPECT_TRUE(leader.fresh.is_by_own_lead()) << "it follows, and has heard nobody";
    leader.fresh.heard(12);
    leader.fresh.follow(11, true);
    EXPECT_TRUE(leader.fresh.is_by_own_lead()) << "and has not applied what it heard of";
    leader.fresh.follow(12, true);
    EXPECT_FALSE(leader.fresh.is_by_own_lead());
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'100U);
}

TEST(Freshness, ALeaderThatIsNoVoterNeedsAMajorityOfTheOthers) {
    Leader leader;
    leader.configuration.servers[0].role = ServerRole::standby;
    leader.lap(1'000, {2});
    EXPECT_EQ(leader.fresh.known_at_ms(), 0U);
    leader.lap(1'100, {3});
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'000U);
}

TEST(Freshness, AloneItAlwaysKnows) {
    Leader leader;
    leader.configuration = voters(1);
    leader.lap(1'000, {});
    EXPECT_EQ(leader.fresh.known_at_ms(), kNeverMs);
    leader.configuration = voters(2);
    leader.lap(1'100, {});
    EXPECT_EQ(leader.fresh.known_at_ms(), 0U) << "and no longer, when there is another voter";
    leader.configuration = voters(1);
    leader.lap(1'200, {});
    leader.fresh.follow(0, true);
    EXPECT_EQ(leader.fresh.known_at_ms(), 0U);
}

TEST(Freshness, AfterAStopOldAnswersDoNotCount) {
    Leader leader;
    leader.match = {{2, 10}, {3, 10}};
    leader.lap(1'000, {2, 3});
    leader.lap(1'000 + kStallMs, {2, 3});
    EXPECT_FALSE(leader.fresh.wants_entry()) << "at the edge it did not stand still";
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'250U);
    // Stopped for 20 s: these were in the sockets when it woke up.
    leader.lap(21'250, {2, 3});
    EXPECT_TRUE(leader.fresh.wants_entry());
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'250U);
    leader.fresh.has_entry(11);
    leader.lap(21'251, {2, 3});
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'250U) << "nobody has the entry yet";
    leader.match[3] = 11;
    leader.lap(21'260, {3});
    EXPECT_EQ(leader.fresh.known_at_ms(), 21'260U);
    leader.lap(21'300, {2});
    EXPECT_EQ(leader.fresh.known_at_ms(), 21'260U) << "what the silent peer knows may still be old";
}

TEST(Freshness, AStopInTheMiddleOfALapIsNotCounted) {
    Leader leader;
    leader.fresh.look(1'000);
    // It stops here; the frames it had taken were from before.
    leader.fresh.answered(2);
    leader.fresh.lead(leader.configuration, 1, true, [](std::uint64_t) { return 0; });
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'000U);
    EXPECT_TRUE(leader.fresh.look(9'000));
}

TEST(Freshness, AFollowerKnowsWhatItHasApplied) {
    Freshness fresh(kStallMs);
    fresh.look(1'000);
    fresh.heard(50);
    fresh.follow(40, true);
    EXPECT_EQ(fresh.known_at_ms(), 0U) << "it hears its leader, and lacks ten entries";
    fresh.look(1'100);
    fresh.heard(60);
    fresh.follow(50, true);
    EXPECT_EQ(fresh.known_at_ms(), 1'000U);
    fresh.look(1'200);
    fresh.heard(70);
    fresh.follow(65, true);
    EXPECT_EQ(fresh.known_at_ms(), 1'100U);
    fresh.look(1'300);
    fresh.follow(70, true);
    EXPECT_EQ(fresh.known_at_ms(), 1'200U) << "as of when it was said, not of now";
}

// A new leader may not know yet what was committed before it, and says less than was acknowledged.
TEST(Freshness, UntilAnEntryOfTheNewestTermIsAppliedNothingIsKnown) {
    Freshness fresh(kStallMs);
    fresh.look(1'000);
    fresh.heard(1);
    fresh.follow(1, false);
    EXPECT_EQ(fresh.known_at_ms(), 0U) << "just started, as its leader was";
    fresh.look(1'100);
    fresh.follow(30, true);
    EXPECT_EQ(fresh.known_at_ms(), 1'000U);
    Leader leader;
    leader.is_of_term = false;
    leader.lap(1'000, {2, 3});
    EXPECT_EQ(leader.fresh.known_at_ms(), 0U);
    leader.is_of_term = true;
    leader.lap(1'001, {});
    EXPECT_EQ(leader.fresh.known_at_ms(), 1'000U);
}

TEST(Freshness, AFollowerThatStoodStillWaitsForAnAnswer) {
    Freshness fresh(kStallMs);
    fresh.look(1'000);
    fresh.heard(50);
    fresh.follow(50, true);
    EXPECT_TRUE(fresh.look(20'000));
    fresh.heard(50);
    fresh.follow(50, true);
    EXPECT_EQ(fresh.known_at_ms(), 1'000U) << "the frame may be as old as the stop";
    fresh.confirmed(19'999, 90);
    fresh.follow(90, true);
    EXPECT_EQ(fresh.known_at_ms(), 1'000U) << "asked before it woke up";
    fresh.confirmed(20'001, 90);
    fresh.heard(60);
    fresh.follow(89, true);
    EXPECT_EQ(fresh.known_at_ms(), 1'000U);
    fresh.follow(90, true);
    EXPECT_EQ(fresh.known_at_ms(), 20'001U);
    fresh.look(20'050);
    fresh.heard(89);
    fresh.follow(90, true);
    EXPECT_EQ(fresh.known_at_ms(), 20'001U) << "from before the confirmation";
    fresh.heard(91);
    fresh.follow(91, true);
    EXPECT_EQ(fresh.known_at_ms(), 20'050U);
}

}  // namespace
}  // namespace kontor::replication

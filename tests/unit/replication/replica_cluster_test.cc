// Three replicas in one process, with real files and threads, over a transport in memory.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>

#include "cluster_of_replicas.h"
#include "support/environment.h"

namespace kontor::replication::test {
namespace {

using Kind = MembershipChange::Kind;

TEST(ReplicaCluster, GrowsFromOneToThreeAndSurvivesItsLeader) {
    Cluster cluster;
    cluster.found(1);
    cluster.submit(20);
    for (const std::uint64_t id : {2U, 3U}) {
        cluster.join(id);
        ASSERT_TRUE(cluster.change(Kind::add_standby, id).has_value());
        const auto promoted = cluster.change(Kind::promote, id);
        ASSERT_TRUE(promoted.has_value()) << promoted.error().describe();
    }
    cluster.submit(50);
    cluster.expect_same_everywhere();
    const ClusterView view = cluster.node(1).replica->cluster_view();
    ASSERT_EQ(view.members.size(), 3U);
    for (const Member& member : view.members) {
        EXPECT_EQ(member.role, MemberRole::voter);
        EXPECT_TRUE(member.is_reachable) << member.id;
    }
    EXPECT_EQ(cluster.node(2).replica->leader_id(), 1U);
    EXPECT_LT(cluster.node(2).replica->last_leader_contact_ms(), kontor_test::patient_ms(5'000))
        << "a heartbeat comes every 40 ms";
    EXPECT_EQ(cluster.node(1).replica->last_leader_contact_ms(), 0U);

    cluster.kill(1);
    cluster.submit(20);
    const std::uint64_t leader = cluster.leader();
    EXPECT_NE(leader, 1U);
    EXPECT_TRUE(cluster.node(leader).replica->leader_caught_up());
    cluster.start(1);  // catches up from what the others have
    cluster.submit(5);
    cluster.expect_same_everywhere();
}

TEST(ReplicaCluster, LeadershipIsHandedOverUnderLoad) {
    Cluster cluster;
    cluster.found_three();
    cluster.start_load();
    for (int round = 0; round < 4; ++round) {
        const std::uint64_t from = cluster.leader();
        const std::uint64_t to = from % 3 + 1;
        const auto done = cluster.transfer(to);
        ASSERT_TRUE(done.has_value()) << done.error().describe();
        ASSERT_TRUE(cluster.wait([&] { return cluster.leader() == to; }));
    }
    cluster.stop_load();
    cluster.expect_same_everywhere();
    EXPECT_EQ(cluster.transfer(9).error().code, ErrorCode::invalid_argument);
}

TEST(ReplicaCluster, AFollowerThatWasAwayReadsWhatItMissedFromTheLeadersDisk) {
    Cluster cluster;
    cluster.found_three();
    cluster.kill(3);
    cluster.submit(300, std::string(80'000, 'x'));  // more than the leader keeps in memory
    cluster.start(3);
    cluster.submit(1);
    cluster.expect_same_everywhere();
    EXPECT_EQ(cluster.installs, 0);
}

TEST(ReplicaCluster, AFollowerTooFarBehindInstallsACheckpoint) {
    Cluster cluster;
    cluster.found_three();
    cluster.submit(20);
    cluster.kill(3);
    cluster.submit(200, std::string(2'000, 'x'));
    cluster.checkpoint(cluster.leader());
    ASSERT_TRUE(cluster.wait([&] {
        return cluster.node(cluster.leader()).replica->stats().first_index > 50;
    })) << "nothing was dropped from the log";
    cluster.submit(20);
    cluster.start(3);
    ASSERT_TRUE(cluster.wait([&] { return cluster.installs > 0; }));
    cluster.submit(20);
    cluster.expect_same_everywhere();
    cluster.kill(3);
    cluster.start(3);
    cluster.expect_same_everywhere();
}

TEST(ReplicaCluster, ALostMachineIsReplacedByANewOne) {
    Cluster cluster;
    cluster.found_three();
    cluster.submit(10);
    cluster.checkpoint(cluster.leader());
    if (cluster.leader() == 3) {
        ASSERT_TRUE(cluster.transfer(1).has_value());
    }
    cluster.kill(3);
    cluster.submit(10);
    const auto too_early = cluster.change(Kind::demote, cluster.leader() == 1 ? 2 : 1, 1);
    ASSERT_FALSE(too_early.has_value()) << "of the voters that remain no majority answers";
    EXPECT_EQ(too_early.error().code, ErrorCode::unavailable);
    const auto removed = cluster.change(Kind::remove, 3);
    ASSERT_TRUE(removed.has_value()) << removed.error().describe();
    cluster.join(4, true);
    ASSERT_TRUE(cluster.change(Kind::add_standby, 4).has_value());
    const auto promoted = cluster.change(Kind::promote, 4);
    ASSERT_TRUE(promoted.has_value()) << promoted.error().describe();
    cluster.submit(10);
    cluster.expect_same_everywhere();
    EXPECT_EQ(cluster.change(Kind::remove, 3).error().code, ErrorCode::not_found);
    EXPECT_EQ(cluster.change(Kind::add_standby, 4).error().code, ErrorCode::already_exists);
    EXPECT_EQ(cluster.change(Kind::remove, cluster.leader()).error().code, ErrorCode::invalid_argument);
}

TEST(ReplicaCluster, ALeaderThatIsCutOffStepsDownAndLosesOnlyWhatWasNotCommitted) {
    Cluster cluster;
    cluster.found_three();
    const std::uint64_t old = cluster.leader();
    cluster.cut_off(old);
    cluster.node(old).replica->propose("never committed", [](Result<Position>) {});
    ASSERT_TRUE(cluster.wait([&] { return cluster.leader() != old && cluster.leader() != 0; }));
    cluster.submit(10);
    cluster.heal();
    cluster.submit(1);
    cluster.expect_same_everywhere();
    for (const Applied& applied : cluster.node(old).machine->applied())
        EXPECT_NE(applied.payload, "never committed");
}

// Two voters and a stand-by in another place; the two are lost for ever.
TEST(ReplicaCluster, AStandbyTakesOverWithAllThatItHas) {
    Cluster cluster;
    cluster.found(1);
    cluster.join(2);
    ASSERT_TRUE(cluster.change(Kind::add_standby, 2).has_value());
    ASSERT_TRUE(cluster.change(Kind::promote, 2).has_value());
    cluster.join(3);
    ASSERT_TRUE(cluster.change(Kind::add_standby, 3).has_value());
    cluster.submit(30);
    cluster.expect_same_everywhere();
    const auto before = cluster.node(3).machine->applied();
    for (const std::uint64_t id : {1U, 2U, 3U}) cluster.kill(id);
    const auto at = cluster.take_over(3);
    ASSERT_TRUE(at.has_value()) << at.error().describe();
    cluster.start(3);
    ASSERT_TRUE(cluster.wait([&] { return cluster.leader() == 3; }));
    cluster.submit(10);
    const ClusterView view = cluster.node(3).replica->cluster_view();
    ASSERT_EQ(view.members.size(), 1U);
    EXPECT_EQ(view.members[0].id, 3U);
    EXPECT_EQ(view.members[0].role, MemberRole::voter);
    EXPECT_GE(view.term, at->term);
    const auto after = cluster.node(3).machine->applied();
    ASSERT_GE(after.size(), before.size() + 10);
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].payload, before[i].payload);
    // It can grow again, also after another restart.
    cluster.kill(3);
    cluster.start(3);
    ASSERT_TRUE(cluster.wait([&] { return cluster.leader() == 3; }));
    cluster.join(4);
    ASSERT_TRUE(cluster.change(Kind::add_standby, 4).has_value());
    ASSERT_TRUE(cluster.change(Kind::promote, 4).has_value());
    cluster.submit(5);
}

TEST(ReplicaCluster, TakingOverNeedsAStoppedMember) {
    Cluster cluster;
    cluster.found(1);
    cluster.submit(3);
    EXPECT_EQ(cluster.take_over(1).error().code, ErrorCode::unavailable);  // it runs
}

TEST(ReplicaCluster, FramesThatAreNoneAreDroppedAndCounted) {
    Cluster cluster;
    cluster.found(1);
    Replica& replica = *cluster.node(1).replica;
    replica.receive(2, "");
    replica.receive(2, std::string(100, 'x'));
    EXPECT_TRUE(cluster.wait([&] { return replica.stats().frames_dropped == 2; }));
    cluster.submit(1);
}

}  // namespace
}  // namespace kontor::replication::test

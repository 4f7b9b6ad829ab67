// The members of the cluster in the state: tokens work once, numbers are never used twice, the last voter
// stays.
#include "domains/members/limits.h"
#include "domains/members/members.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/members.pb.h"
#include "kontor/members_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

const std::string kToken(32, 't');
const std::string kOtherToken(32, 'u');
const std::string kPublicKey(32, 'p');
const std::string kOtherKey(32, 'q');

class Cluster : public ::testing::Test {
 protected:
    pb::Result init(const std::string& name = "one") {
        return world.run([&](pb::Command& c) {
            auto& i = *mutable_body(c, pb::init_cluster);
            i.set_cluster_id(std::string(16, 'c'));
            i.set_ca_pem("pem");
            i.set_sealed_ca_key("sealed");
            i.mutable_node()->set_no(1);
            i.mutable_node()->set_name(name);
            i.mutable_node()->set_peer_address("one:8444");
            i.mutable_node()->set_feature_level(1);
        });
    }
    pb::Result token(const std::string& hash, std::uint64_t replaces = 0, std::int64_t lifetime = kHour) {
        return world.run([&](pb::Command& c) {
            auto& t = *mutable_body(c, pb::create_join_token);
            t.set_token_sha256(hash);
            t.set_lifetime_ms(lifetime);
            t.set_voter(true);
            t.set_replaces(replaces);
        });
    }
    pb::Result admit(const std::string& hash, const std::string& name, const std::string& key = kPublicKey,
                     std::uint32_t features = 1) {
        return world.run([&](pb::Command& c) {
            auto& a = *mutable_body(c, pb::admit_node);
            a.set_token_sha256(hash);
            a.set_public_key_sha256(key);
            a.mutable_node()->set_name(name);
            a.mutable_node()->set_peer_address(name + ":8444");
            a.mutable_node()->set_feature_level(features);
        });
    }
    pb::Result update(std::uint64_t no, const std::function<void(pb::UpdateClusterNode&)>& change) {
        return world.run([&](pb::Command& c) {
            mutable_body(c, pb::update_cluster_node)->set_no(no);
            change(*mutable_body(c, pb::update_cluster_node));
        });
    }
    World world;
};

TEST_F(Cluster, IsMadeOnceAndOnlyWhole) {
    EXPECT_EQ(token(kToken).outcome(), machine::outcome::resource_missing);
    EXPECT_EQ(admit(kToken, "two").outcome(), machine::outcome::resource_missing);
    EXPECT_EQ(init("").outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(init(std::string(members::limits::kNodeNameBytes + 1, 'n')).outcome(),
              machine::outcome::invalid_parameter);
    EXPECT_FALSE(members::find_cluster(world.rows));
    EXPECT_EQ(init(std::string(members::limits::kNodeNameBytes, 'n')).outcome(), machine::outcome::ok);
    EXPECT_EQ(init().outcome(), machine::outcome::already_exists);
    ASSERT_EQ(members::list_cluster_nodes(world.rows).size(), 1U);
    EXPECT_TRUE(members::list_cluster_nodes(world.rows)[0].voter());
}

TEST_F(Cluster, ATokenAdmitsOneNodeOnce) {
    init();
    EXPECT_EQ(token("short").outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(token(kToken, 0, 0).outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(token(kToken, 9).outcome(), machine::outcome::resource_missing);
    EXPECT_EQ(token(kToken).outcome(), machine::outcome::ok);
    EXPECT_EQ(token(kToken).outcome(), machine::outcome::already_exists);
    EXPECT_EQ(admit(kOtherToken, "two").outcome(), machine::outcome::token_invalid);
    EXPECT_EQ(admit(kToken, "one").outcome(), machine::outcome::already_exists);  // the name is taken
    const auto two = admit(kToken, "two");
    ASSERT_EQ(two.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(two, pb::cluster_node).no(), 2U);
    // The answer was lost and the same node asks again; somebody else with the token does not get in.
    EXPECT_EQ(object_in(admit(kToken, "two"), pb::cluster_node).no(), 2U);
    EXPECT_EQ(admit(kToken, "three", kOtherKey).outcome(), machine::outcome::token_invalid);
    EXPECT_EQ(members::list_cluster_nodes(world.rows).size(), 2U);
}

TEST_F(Cluster, OldTokensGoAway) {
    init();
    token(kToken, 0, kHour);
    world.now += kHour - 1;
    EXPECT_EQ(admit(kToken, "two").outcome(), machine::outcome::ok);
    token(kOtherToken, 0, kHour);
    world.now += kHour;
    EXPECT_EQ(admit(kOtherToken, "three").outcome(), machine::outcome::token_invalid);
    world.run([](pb::Command& c) { mutable_body(c, pb::tick); });
    EXPECT_FALSE(members::find_join_token(world.rows, kToken));
    EXPECT_FALSE(members::find_join_token(world.rows, kOtherToken));
}

TEST_F(Cluster, AReplacementTakesTheLostOnesPlaceAndNeverItsNumber) {
    init();
    token(kToken);
    admit(kToken, "two");
    token(kOtherToken, 2);
    const auto three = admit(kOtherToken, "two", kOtherKey);  // same name and address as the lost one
    ASSERT_EQ(three.outcome(), machine::outcome::ok) << three.error().message();
    EXPECT_EQ(object_in(three, pb::cluster_node).no(), 3U);
    EXPECT_TRUE(members::find_cluster_node(world.rows, 2)->removed());
    EXPECT_EQ(members::list_cluster_nodes(world.rows).size(), 2U);
    EXPECT_EQ(members::list_cluster_nodes(world.rows, true).size(), 3U);
}

TEST_F(Cluster, TheLastVoterStays) {
    init();
    const auto remove = [](pb::UpdateClusterNode& u) { u.set_removed(true); };
    const auto demote = [](pb::UpdateClusterNode& u) { u.set_voter(false); };
    EXPECT_EQ(update(1, remove).outcome(), machine::outcome::unexpected_state);
    EXPECT_EQ(update(1, demote).outcome(), machine::outcome::unexpected_state);
    token(kToken);
    admit(kToken, "two");
    EXPECT_EQ(update(1, demote).outcome(), machine::outcome::ok);
    EXPECT_EQ(update(2, remove).outcome(), machine::outcome::unexpected_state);
    EXPECT_EQ(update(1, remove).outcome(), machine::outcome::ok);
    EXPECT_EQ(update(1, demote).outcome(), machine::outcome::resource_missing);  // removed is for ever
    EXPECT_EQ(update(2, [](auto& u) { u.set_peer_address(""); }).outcome(),
              machine::outcome::invalid_parameter);
}

TEST_F(Cluster, FeaturesWaitForAllNodes) {
    init();
    token(kToken);
    admit(kToken, "two");
    const auto activate = [&](std::uint32_t level) {
        return world.run([&](pb::Command& c) { mutable_body(c, pb::activate_features)->set_level(level); });
    };
    EXPECT_EQ(activate(2).outcome(), machine::outcome::unexpected_state);
    update(1, [](auto& u) { u.set_feature_level(2); });
    EXPECT_EQ(activate(2).outcome(), machine::outcome::unexpected_state);
    update(2, [](auto& u) { u.set_feature_level(2); });
    EXPECT_EQ(activate(2).outcome(), machine::outcome::ok);
    EXPECT_EQ(activate(1).outcome(), machine::outcome::unexpected_state);
    token(kOtherToken);
    EXPECT_EQ(admit(kOtherToken, "old", kOtherKey, 1).error().param(), "version");
}

TEST_F(Cluster, HasALimit) {
    init();
    for (std::size_t i = 2; i <= members::limits::kClusterNodes + 1; ++i) {
        const std::string hash(32, static_cast<char>('A' + i));
        token(hash);
        const auto outcome = admit(hash, "node" + std::to_string(i), hash).outcome();
        EXPECT_EQ(outcome, i <= members::limits::kClusterNodes ? machine::outcome::ok
                                                               : machine::outcome::limit_reached);
    }
    std::size_t tokens = 0;
    for (int i = 0; i < 100; ++i) {
        std::string hash(32, 'x');
        hash[0] = static_cast<char>(i);
        if (token(hash).outcome() == machine::outcome::ok) ++tokens;
    }
    EXPECT_EQ(tokens, members::limits::kJoinTokens - members::limits::kClusterNodes);
}

}  // namespace
}  // namespace kontor::payments::testing

// The members of the cluster in the state: tokens work once, numbers are never used twice, the last voter
// stays.
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
            auto& i = *c.mutable_init_cluster();
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
            auto& t = *c.mutable_create_join_token();
            t.set_token_sha256(hash);
            t.set_lifetime_ms(lifetime);
            t.set_voter(true);
            t.set_replaces(replaces);
        });
    }
    pb::Result admit(const std::string& hash, const std::string& name, const std::string& key = kPublicKey,
                     std::uint32_t features = 1) {
        return world.run([&](pb::Command& c) {
            auto& a = *c.mutable_admit_node();
            a.set_token_sha256(hash);
            a.set_public_key_sha256(key);
            a.mutable_node()->set_name(name);
            a.mutable_node()->set_peer_address(name + ":8444");
            a.mutable_node()->set_feature_level(features);
        });
    }
    pb::Result update(std::uint64_t no, const std::function<void(pb::UpdateClusterNode&)>& change) {
        return world.run([&](pb::Command& c) {
            c.mutable_update_cluster_node()->set_no(no);
            change(*c.mutable_update_cluster_node());
        });
    }
    World world;
};

TEST_F(Cluster, IsMadeOnceAndOnlyWhole) {
    EXPECT_EQ(token(kToken).outcome(), pb::OUTCOME_RESOURCE_MISSING);
    EXPECT_EQ(admit(kToken, "two").outcome(), pb::OUTCOME_RESOURCE_MISSING);
    EXPECT_EQ(init("").outcome(), pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_EQ(init(std::string(limits::kNodeNameBytes + 1, 'n')).outcome(), pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_FALSE(find_cluster(world.rows));
    EXPECT_EQ(init(std::string(limits::kNodeNameBytes, 'n')).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(init().outcome(), pb::OUTCOME_ALREADY_EXISTS);
    ASSERT_EQ(list_cluster_nodes(world.rows).size(), 1U);
    EXPECT_TRUE(list_cluster_nodes(world.rows)[0].voter());
}

TEST_F(Cluster, ATokenAdmitsOneNodeOnce) {
    init();
    EXPECT_EQ(token("short").outcome(), pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_EQ(token(kToken, 0, 0).outcome(), pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_EQ(token(kToken, 9).outcome(), pb::OUTCOME_RESOURCE_MISSING);
    EXPECT_EQ(token(kToken).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(token(kToken).outcome(), pb::OUTCOME_ALREADY_EXISTS);
    EXPECT_EQ(admit(kOtherToken, "two").outcome(), pb::OUTCOME_TOKEN_INVALID);
    EXPECT_EQ(admit(kToken, "one").outcome(), pb::OUTCOME_ALREADY_EXISTS);  // the name is taken
    const auto two = admit(kToken, "two");
    ASSERT_EQ(two.outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(two.cluster_node().no(), 2U);
    // The answer was lost and the same node asks again; somebody else with the token does not get in.
    EXPECT_EQ(admit(kToken, "two").cluster_node().no(), 2U);
    EXPECT_EQ(admit(kToken, "three", kOtherKey).outcome(), pb::OUTCOME_TOKEN_INVALID);
    EXPECT_EQ(list_cluster_nodes(world.rows).size(), 2U);
}

TEST_F(Cluster, OldTokensGoAway) {
    init();
    token(kToken, 0, kHour);
    world.now += kHour - 1;
    EXPECT_EQ(admit(kToken, "two").outcome(), pb::OUTCOME_OK);
    token(kOtherToken, 0, kHour);
    world.now += kHour;
    EXPECT_EQ(admit(kOtherToken, "three").outcome(), pb::OUTCOME_TOKEN_INVALID);
    world.run([](pb::Command& c) { c.mutable_tick(); });
    EXPECT_FALSE(find_join_token(world.rows, kToken));
    EXPECT_FALSE(find_join_token(world.rows, kOtherToken));
}

TEST_F(Cluster, AReplacementTakesTheLostOnesPlaceAndNeverItsNumber) {
    init();
    token(kToken);
    admit(kToken, "two");
    token(kOtherToken, 2);
    const auto three = admit(kOtherToken, "two", kOtherKey);  // same name and address as the lost one
    ASSERT_EQ(three.outcome(), pb::OUTCOME_OK) << three.error().message();
    EXPECT_EQ(three.cluster_node().no(), 3U);
    EXPECT_TRUE(find_cluster_node(world.rows, 2)->removed());
    EXPECT_EQ(list_cluster_nodes(world.rows).size(), 2U);
    EXPECT_EQ(list_cluster_nodes(world.rows, true).size(), 3U);
}

TEST_F(Cluster, TheLastVoterStays) {
    init();
    const auto remove = [](pb::UpdateClusterNode& u) { u.set_removed(true); };
    const auto demote = [](pb::UpdateClusterNode& u) { u.set_voter(false); };
    EXPECT_EQ(update(1, remove).outcome(), pb::OUTCOME_UNEXPECTED_STATE);
    EXPECT_EQ(update(1, demote).outcome(), pb::OUTCOME_UNEXPECTED_STATE);
    token(kToken);
    admit(kToken, "two");
    EXPECT_EQ(update(1, demote).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(update(2, remove).outcome(), pb::OUTCOME_UNEXPECTED_STATE);
    EXPECT_EQ(update(1, remove).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(update(1, demote).outcome(), pb::OUTCOME_RESOURCE_MISSING);  // removed is for ever
    EXPECT_EQ(update(2, [](auto& u) { u.set_peer_address(""); }).outcome(), pb::OUTCOME_INVALID_PARAMETER);
}

TEST_F(Cluster, FeaturesWaitForAllNodes) {
    init();
    token(kToken);
    admit(kToken, "two");
    const auto activate = [&](std::uint32_t level) {
        return world.run([&](pb::Command& c) { c.mutable_activate_features()->set_level(level); });
    };
    EXPECT_EQ(activate(2).outcome(), pb::OUTCOME_UNEXPECTED_STATE);
    update(1, [](auto& u) { u.set_feature_level(2); });
    EXPECT_EQ(activate(2).outcome(), pb::OUTCOME_UNEXPECTED_STATE);
    update(2, [](auto& u) { u.set_feature_level(2); });
    EXPECT_EQ(activate(2).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(activate(1).outcome(), pb::OUTCOME_UNEXPECTED_STATE);
    token(kOtherToken);
    EXPECT_EQ(admit(kOtherToken, "old", kOtherKey, 1).error().param(), "version");
}

TEST_F(Cluster, HasALimit) {
    init();
    for (std::size_t i = 2; i <= limits::kClusterNodes + 1; ++i) {
        const std::string hash(32, static_cast<char>('A' + i));
        token(hash);
        const auto outcome = admit(hash, "node" + std::to_string(i), hash).outcome();
        EXPECT_EQ(outcome, i <= limits::kClusterNodes ? pb::OUTCOME_OK : pb::OUTCOME_LIMIT_REACHED);
    }
    std::size_t tokens = 0;
    for (int i = 0; i < 100; ++i) {
        std::string hash(32, 'x');
        hash[0] = static_cast<char>(i);
        if (token(hash).outcome() == pb::OUTCOME_OK) ++tokens;
    }
    EXPECT_EQ(tokens, limits::kJoinTokens - limits::kClusterNodes);
}

}  // namespace
}  // namespace kontor::payments::testing

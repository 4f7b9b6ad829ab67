// Levels of features: what needs none is never held up, what came later waits for all nodes.
#include "kontor/machine/features.h"
#include "domains/members/members.h"
#include "kontor/machine/outcome.h"

#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/members_bodies.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

TEST(Features, EveryCommandOfToThisDayNeedsTheFirstLevel) {
    pb::Command command;
    // No command of this binary: nothing that it has is enough.
    EXPECT_GT(level_needed(domains::registry(), command), feature_level());
    mutable_body(command, pb::tick);
    EXPECT_EQ(level_needed(domains::registry(), command), kFirstFeatureLevel);
    mutable_body(command, pb::create_payment_intent);
    EXPECT_EQ(level_needed(domains::registry(), command), kFirstFeatureLevel);
    mutable_body(command, pb::rotate_cluster_authority);
    EXPECT_EQ(level_needed(domains::registry(), command), kFirstFeatureLevel);
}

pb::Result init_cluster(World& world, std::uint32_t level) {
    return world.run([&](pb::Command& c) {
        auto& i = *mutable_body(c, pb::init_cluster);
        i.set_cluster_id(std::string(16, 'c'));
        i.set_ca_pem("pem");
        i.set_sealed_ca_key("sealed");
        i.mutable_node()->set_no(1);
        i.mutable_node()->set_name("one");
        i.mutable_node()->set_peer_address("one:8444");
        i.mutable_node()->set_feature_level(level);
    });
}

// A folder of format 2 has no history under older rules.
TEST(Features, NoRuleOfPaymentsWaitsForALevel) {
    World world;
    world.make_merchant();
    ASSERT_EQ(init_cluster(world, kFirstFeatureLevel).outcome(), machine::outcome::ok);
    const auto interim = world.pay("pm_card_visa", 700);
    world.fail(interim.waiting_on());
    EXPECT_EQ(world.intent(object_in(interim, pb::payment_intent).no()).declined_attempts(), 1U);
}

TEST(Features, ASingleNodeUsesAllAndAClusterWhatItsRowSays) {
    World world;
    EXPECT_EQ(members::active_feature_level(world.rows), feature_level());
    ASSERT_EQ(init_cluster(world, 0).outcome(), machine::outcome::ok);  // a row without a level
    EXPECT_EQ(members::active_feature_level(world.rows), kFirstFeatureLevel);
    world.run([](pb::Command& c) {
        mutable_body(c, pb::update_cluster_node)->set_no(1);
        mutable_body(c, pb::update_cluster_node)->set_feature_level(7);
    });
    world.run([](pb::Command& c) { mutable_body(c, pb::activate_features)->set_level(7); });
    EXPECT_EQ(members::active_feature_level(world.rows), 7U);
}

}  // namespace
}  // namespace kontor::payments::testing

// Levels of features: what needs none is never held up, what came later waits for all nodes.
#include "kontor/payments/features.h"

#include "world.h"

namespace kontor::payments::testing {
namespace {

TEST(Features, EveryCommandOfToThisDayNeedsTheFirstLevel) {
    pb::Command command;
    EXPECT_EQ(level_needed(command), kFirstFeatureLevel);
    command.mutable_tick();
    EXPECT_EQ(level_needed(command), kFirstFeatureLevel);
    command.mutable_create_payment_intent();
    EXPECT_EQ(level_needed(command), kFirstFeatureLevel);
    command.mutable_rotate_cluster_authority();
    EXPECT_EQ(level_needed(command), kFirstFeatureLevel);
}

TEST(Features, ASingleNodeUsesAllAndAClusterWhatItsRowSays) {
    World world;
    EXPECT_EQ(active_feature_level(world.rows), feature_level());
    const auto init = [&](std::uint32_t level) {
        return world.run([&](pb::Command& c) {
            auto& i = *c.mutable_init_cluster();
            i.set_cluster_id(std::string(16, 'c'));
            i.set_ca_pem("pem");
            i.set_sealed_ca_key("sealed");
            i.mutable_node()->set_no(1);
            i.mutable_node()->set_name("one");
            i.mutable_node()->set_peer_address("one:8444");
            i.mutable_node()->set_feature_level(level);
        });
    };
    ASSERT_EQ(init(0).outcome(), pb::OUTCOME_OK);  // written by the first release
    EXPECT_EQ(active_feature_level(world.rows), kFirstFeatureLevel);
    world.run([](pb::Command& c) {
        c.mutable_update_cluster_node()->set_no(1);
        c.mutable_update_cluster_node()->set_feature_level(7);
    });
    world.run([](pb::Command& c) { c.mutable_activate_features()->set_level(7); });
    EXPECT_EQ(active_feature_level(world.rows), 7U);
}

}  // namespace
}  // namespace kontor::payments::testing

// A node whose binary knows less than the state uses stops, before it decides anything by older rules.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/members_bodies.pb.h"
#include "kontor/node/node.h"

namespace kontor::node {
namespace {

TEST(Features, ANewerLevelStopsTheNode) {
    std::string folder = (std::filesystem::temp_directory_path() / "kontor-features-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    std::atomic<int> fatal{0};
    telemetry::Registry metrics;
    NodeOptions options;
    options.folder = folder + "/data";
    options.partitions = 1;
    options.map_bytes = 64U << 20U;
    options.clock = &system_clock();
    options.metrics = &metrics;
    options.on_fatal = [&fatal](const Error& error) {
        EXPECT_EQ(error.code, ErrorCode::unsupported) << error.describe();
        ++fatal;
    };
    auto node = Node::start(options);
    ASSERT_TRUE(node) << node.error().describe();
    const auto run = [&](const std::function<void(pb::Command&)>& fill) {
        pb::Command command;
        command.set_version(1);
        fill(command);
        std::uint32_t outcome = machine::outcome::ok;
        const auto done = (*node)->submit_and_wait(
            std::move(command), [&](const machine::Answer& answer) { outcome = answer.result.outcome(); });
        return done && outcome == machine::outcome::ok;
    };
    ASSERT_TRUE(run([](pb::Command& c) {
        auto& wanted = *mutable_body(c, pb::init_cluster);
        wanted.set_cluster_id(std::string(16, 'c'));
        wanted.set_ca_pem("pem");
        wanted.set_sealed_ca_key("sealed");
        wanted.mutable_node()->set_no(1);
        wanted.mutable_node()->set_name("one");
        wanted.mutable_node()->set_peer_address("one:8444");
        wanted.mutable_node()->set_feature_level(machine::feature_level());
    }));
    ASSERT_TRUE(run([](pb::Command& c) {
        mutable_body(c, pb::update_cluster_node)->set_no(1);
        mutable_body(c, pb::update_cluster_node)->set_feature_level(machine::feature_level() + 1);
    }));
    EXPECT_TRUE(run(
        [](pb::Command& c) { mutable_body(c, pb::activate_features)->set_level(machine::feature_level()); }));
    EXPECT_EQ(fatal.load(), 0);
    EXPECT_FALSE(run([](pb::Command& c) {
        mutable_body(c, pb::activate_features)->set_level(machine::feature_level() + 1);
    }));
    EXPECT_EQ(fatal.load(), 1);
    node->reset();
    // Nor does it start again: the entry is in the log.
    const auto again = Node::start(options);
    EXPECT_FALSE(again);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace kontor::node

// A node whose binary knows less than the state uses stops, before it decides anything by older rules.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "kontor/commands.pb.h"
#include "kontor/node/node.h"
#include "kontor/payments/features.h"

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
        pb::Outcome outcome = pb::OUTCOME_OK;
        const auto done = (*node)->submit_and_wait(
            std::move(command), [&](const payments::Answer& answer) { outcome = answer.result.outcome(); });
        return done && outcome == pb::OUTCOME_OK;
    };
    ASSERT_TRUE(run([](pb::Command& c) {
        auto& wanted = *c.mutable_init_cluster();
        wanted.set_cluster_id(std::string(16, 'c'));
        wanted.set_ca_pem("pem");
        wanted.set_sealed_ca_key("sealed");
        wanted.mutable_node()->set_no(1);
        wanted.mutable_node()->set_name("one");
        wanted.mutable_node()->set_peer_address("one:8444");
        wanted.mutable_node()->set_feature_level(payments::feature_level());
    }));
    ASSERT_TRUE(run([](pb::Command& c) {
        c.mutable_update_cluster_node()->set_no(1);
        c.mutable_update_cluster_node()->set_feature_level(payments::feature_level() + 1);
    }));
    EXPECT_TRUE(
        run([](pb::Command& c) { c.mutable_activate_features()->set_level(payments::feature_level()); }));
    EXPECT_EQ(fatal.load(), 0);
    EXPECT_FALSE(
        run([](pb::Command& c) { c.mutable_activate_features()->set_level(payments::feature_level() + 1); }));
    EXPECT_EQ(fatal.load(), 1);
    node->reset();
    // Nor does it start again: the entry is in the log.
    const auto again = Node::start(options);
    EXPECT_FALSE(again);
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace kontor::node

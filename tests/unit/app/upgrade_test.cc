// What an upgrade looks at before it touches anything, and how the next binary is found.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cluster_talk.h"
#include "successor.h"
#include "support/temp_folder.h"

namespace kontor::app {
namespace {

ClusterStatus well() {
    return parse_cluster_status(nlohmann::json::parse(R"({"member":true,"node":1,"leader":2,"feature_level":1,
        "nodes":[
          {"node":1,"is":"voter","wanted":"voter","connected":true,"ready":true,"behind":0,"run":"a","version":"1"},
          {"node":2,"is":"voter","wanted":"voter","connected":true,"ready":true,"behind":0,"leads":true},
          {"node":3,"is":"standby","wanted":"standby","connected":true,"ready":true,"behind":256}]})"));
}

TEST(ClusterTalk, AWellClusterHasNoProblems) {
    const ClusterStatus status = well();
    EXPECT_TRUE(problems_of(status).empty());
    EXPECT_EQ(status.voters(), 2U);
    EXPECT_EQ(status.find(1)->run, "a");
    EXPECT_EQ(status.find(9), nullptr);
}

TEST(ClusterTalk, EveryProblemIsNamed) {
    const auto only = [](auto change) {
        ClusterStatus status = well();
        change(status);
        const auto problems = problems_of(status);
        return problems.size() == 1 ? problems[0] : "there are " + std::to_string(problems.size());
    };
    EXPECT_EQ(only([](auto& s) { s.leader = 0; }), "there is no leader just now");
    EXPECT_EQ(only([](auto& s) { s.nodes[0].connected = false; }), "node 1 does not answer");
    EXPECT_EQ(only([](auto& s) {
                  s.nodes[0].is_known = false;
                  s.nodes[0].problem = "refused";
              }),
              "node 1 does not answer: refused");
    EXPECT_EQ(only([](auto& s) { s.nodes[1].ready = false; }), "node 2 is not ready");
    EXPECT_EQ(only([](auto& s) { s.nodes[1].stopping = true; }), "node 2 is stopping");
    EXPECT_EQ(only([](auto& s) { s.nodes[2].wanted = "voter"; }), "node 3 is a standby and shall be a voter");
    EXPECT_EQ(only([](auto& s) { s.nodes[2].behind = kCaughtUpEntries + 1; }),
              "node 3 is 257 entries behind");
}

class SuccessorTest : public ::testing::Test {
 protected:
    std::string program(const std::string& name, const std::string& script) const {
        const std::string path = folder_ + "/" + name;
        std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
        ::chmod(path.c_str(), 0755);
        return path;
    }
    const kontor_test::TempFolder own_{"successor"};
    const std::string folder_ = own_.path();
};

TEST_F(SuccessorTest, IsFoundAsTheShellFoundIt) {
    const std::string path = program("kontor", "true");
    EXPECT_EQ(path_of_command("/usr/bin/kontor", "", "/x"), "/usr/bin/kontor");  // whatever lies there later
    EXPECT_EQ(path_of_command("build/kontor", "", "/x"), "/x/build/kontor");
    EXPECT_EQ(path_of_command("kontor", "/nowhere:" + folder_, "/x"), path);
    EXPECT_EQ(path_of_command("kontor", "/nowhere:", folder_), folder_ + "/./kontor");
    EXPECT_EQ(path_of_command("kontor", "/nowhere", "/x"), "");
    EXPECT_EQ(path_of_command("", folder_, "/x"), "");
    // A link stays a link: it may point to another version later.
    std::filesystem::create_symlink(path, folder_ + "/link");
    EXPECT_EQ(path_of_command("link", folder_, "/x"), folder_ + "/link");
}

TEST_F(SuccessorTest, SaysItsVersion) {
    const auto good = version_of(program("good", "echo kontor 1.2.3-next"));
    ASSERT_TRUE(good) << good.error().describe();
    EXPECT_EQ(*good, "1.2.3-next");
}

TEST_F(SuccessorTest, WhatIsNoKontorIsRefused) {
    const std::vector<std::string> served = {"kontor", "serve", "--config", "/a b.toml", "--set", "x=1"};
    const std::string picky =
        program("picky", R"([ "$*" = "config check --config /a b.toml --set x=1" ] && exit 0
echo "warning: odd" >&2; echo "a:1: bad" >&2; echo "b: worse" >&2; exit 2)");
    EXPECT_TRUE(check_configuration_with(picky, served));
    const auto refused = check_configuration_with(picky, {"kontor", "serve", "--json"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "its configuration would be refused: a:1: bad; b: worse");
    EXPECT_TRUE(check_configuration_with(picky, {"kontor", "dev"})) << "it has no configuration of its own";
    EXPECT_EQ(version_of(folder_ + "/missing").error().code, ErrorCode::not_found);
    EXPECT_EQ(version_of(folder_).error().code, ErrorCode::not_found);
    EXPECT_EQ(version_of(program("other", "echo bash 5")).error().code, ErrorCode::unsupported);
    EXPECT_EQ(version_of(program("fails", "echo kontor 1; exit 1")).error().code, ErrorCode::unsupported);
    EXPECT_EQ(version_of(program("silent", "true")).error().code, ErrorCode::unsupported);
    EXPECT_EQ(version_of(program("endless", "while :; do echo kontor; done")).error().code,
              ErrorCode::unsupported);
}

}  // namespace
}  // namespace kontor::app

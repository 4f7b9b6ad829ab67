#include "settings.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "reload.h"
#include "support/temp_folder.h"

namespace kontor::app {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
    std::string file(const std::string& content) {
        std::ofstream(folder_ + "/kontor.toml") << content;
        return folder_ + "/kontor.toml";
    }
    const kontor_test::TempFolder own_{"settings"};
    const std::string folder_ = own_.path();
};

TEST_F(SettingsTest, FlagsOverrideEnvironmentOverridesFile) {
    Settings settings;
    const std::string path = file("[https]\nport = 1000\nthreads = 3\naddress = \"0.0.0.0\"\n");
    const auto problems = load_settings(
        {path, {{"KONTOR_HTTPS_PORT", "2000"}, {"KONTOR_HTTPS_THREADS", "5"}}, {"https.port=3000"}},
        settings);
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(settings.https_port, 3000);
    EXPECT_EQ(settings.https_threads, 5);
    EXPECT_EQ(settings.https_address, "0.0.0.0");
}

TEST_F(SettingsTest, NamesEveryProblemWithItsLine) {
    Settings settings;
    const std::string path = file(
        "[https]\nport = 70000\nprot = 1\nthreads = \"two\"\n\n[logging]\nlevel = \"loud\"\n[data]\nfolder = "
        "\"\"\n");
    LoadNotes notes;
    const auto problems = load_settings(
        {path, {{"KONTOR_NOTHING", "1"}}, {"store.memtable_mib=-1", "novalue"}}, settings, &notes);
    std::string all;
    for (const Problem& problem : problems) all += problem.where + ": " + problem.what + "\n";
    EXPECT_EQ(problems.size(), 7U) << all;
    EXPECT_NE(all.find("kontor.toml:2: 'https.port' must be from 1 to 65535, not 70000"), std::string::npos)
        << all;
    EXPECT_NE(all.find("kontor.toml:3: there is no setting 'https.prot'; did you mean 'https.port'?"),
              std::string::npos)
        << all;
    EXPECT_NE(all.find("kontor.toml:4: 'https.threads' must be a whole number"), std::string::npos) << all;
    EXPECT_NE(all.find("kontor.toml:7: 'logging.level' must be one of"), std::string::npos) << all;
    EXPECT_NE(all.find("kontor.toml:9: 'data.folder' must not be empty"), std::string::npos) << all;
    ASSERT_EQ(notes.warnings.size(), 1U) << "others put variables with our prefix there: they stop nothing";
    EXPECT_EQ(notes.warnings[0].where, "environment KONTOR_NOTHING");
    EXPECT_EQ(notes.where("store.memtable_mib"), "--set store.memtable_mib");
    EXPECT_EQ(notes.where("https.idle_timeout_s"), "default of https.idle_timeout_s");
    EXPECT_NE(all.find("--set store.memtable_mib"), std::string::npos) << all;
    EXPECT_NE(all.find("--set novalue"), std::string::npos) << all;
}

TEST_F(SettingsTest, BrokenTomlAndMissingFileAreProblems) {
    Settings settings;
    auto problems = load_settings({file("[https\nport = 1"), {}, {}}, settings);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_NE(problems[0].where.find("kontor.toml:1"), std::string::npos) << problems[0].where;
    problems = load_settings({folder_ + "/none.toml", {}, {}}, settings);
    ASSERT_EQ(problems.size(), 1U);
}

TEST_F(SettingsTest, AnEmptyFileChangesNothing) {
    Settings settings;
    EXPECT_TRUE(load_settings({file(""), {}, {}}, settings).empty());
    EXPECT_EQ(load_settings({folder_, {}, {}}, settings).size(), 1U) << "a folder is no file";
}

TEST_F(SettingsTest, WhatGoesTogetherIsChecked) {
    Settings settings;
    const auto problems = load_settings({"", {}, {"https.certificate_file=/a.pem"}}, settings);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].where, "--set https.certificate_file");
    Settings beats;
    EXPECT_TRUE(load_settings({"", {}, {"cluster.heartbeat_ms=250"}}, beats).empty());
    EXPECT_EQ(load_settings({"", {}, {"cluster.heartbeat_ms=251"}}, beats).size(), 1U);
}

TEST_F(SettingsTest, EveryBoundHoldsAtItsEdge) {
    for (const Setting& setting : setting_table()) {
        if (!std::holds_alternative<std::int64_t Settings::*>(setting.field)) continue;
        const std::string key(setting.key);
        for (const std::int64_t good : {setting.min, setting.max}) {
            // Bounded by the descriptors of the machine too: descriptors_test.cc.
            if (key == "https.max_connections" && good == setting.max) continue;
            Settings settings;
            // These two are also checked together: each with the widest choice of its partner.
            const std::string other = key == "cluster.heartbeat_ms" ? "cluster.election_timeout_ms=60000"
                                                                    : "cluster.heartbeat_ms=10";
            EXPECT_TRUE(load_settings({"", {}, {other, key + "=" + std::to_string(good)}}, settings).empty())
                << key;
        }
        for (const std::int64_t bad : {setting.min - 1, setting.max + 1}) {
            Settings settings;
            EXPECT_EQ(load_settings({"", {}, {key + "=" + std::to_string(bad)}}, settings).size(), 1U) << key;
        }
    }
}

TEST_F(SettingsTest, LinksOfContainerPlatformsAreNoSettings) {
    Settings settings;
    LoadNotes notes;
    const SettingSources sources{"",
                                 {{"KONTOR_HTTPS_PORT", "tcp://10.0.0.1:443"},
                                  {"KONTOR_CLUSTER_NAME", "/web/kontor_cluster"},
                                  {"KONTOR_PORT", "tcp://10.0.0.1:8443"}},
                                 {}};
    EXPECT_TRUE(load_settings(sources, settings, &notes).empty());
    EXPECT_EQ(notes.warnings.size(), 3U);
    EXPECT_EQ(settings.https_port, Settings{}.https_port);
    EXPECT_EQ(settings.cluster_name, "");
}

TEST_F(SettingsTest, WhatMayChangeWhileRunningIsTaken) {
    Settings used, wanted;
    wanted.log_level = "debug";
    wanted.https_names = "pay.example";
    wanted.https_port = 9443;
    wanted.cluster_balance_reads = false;
    const ChangedSettings changed = take_live_settings(wanted, used);
    EXPECT_EQ(changed.live, (std::vector<std::string>{"https.names", "logging.level"}));
    EXPECT_EQ(changed.restart, (std::vector<std::string>{"https.port", "cluster.balance_reads"}));
    EXPECT_EQ(used.log_level, "debug");
    EXPECT_EQ(used.https_port, Settings{}.https_port);
}

TEST_F(SettingsTest, TheExampleFileIsGoodAndHoldsEveryKey) {
    std::string example = example_file();
    Settings settings;
    EXPECT_TRUE(load_settings({file(example), {}, {}}, settings).empty());
    // Every line uncommented: still good, and still the defaults.
    std::string uncommented;
    std::set<std::string> keys;
    for (std::size_t at = 0; at < example.size();) {
        const std::size_t end = example.find('\n', at);
        std::string line = example.substr(at, end - at);
        if (line.starts_with("#") && !line.starts_with("# ")) line.erase(0, 1);
        uncommented += line + "\n";
        at = end + 1;
    }
    const auto problems = load_settings({file(uncommented), {}, {}}, settings);
    EXPECT_TRUE(problems.empty()) << (problems.empty() ? "" : problems[0].where + problems[0].what);
    EXPECT_EQ(settings.https_port, Settings{}.https_port);
    for (const Setting& setting : setting_table()) {
        const std::string name(setting.key.substr(setting.key.find('.') + 1));
        EXPECT_NE(uncommented.find("\n" + name + " = "), std::string::npos) << name;
        EXPECT_TRUE(keys.insert(std::string(setting.key)).second) << "twice: " << setting.key;
    }
}

}  // namespace
}  // namespace kontor::app

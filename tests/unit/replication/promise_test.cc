// An older copy of a folder is noticed, and nothing else is taken for one.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "kontor/replication/folder_look.h"
#include "kontor/replication/marker.h"
#include "promise_keeper.h"
#include "replica_impl.h"
#include "test_support.h"

namespace kontor::replication {
namespace {

namespace fs = std::filesystem;

class PromiseTest : public ::testing::Test {
 protected:
    PromiseTest() {
        std::string pattern = (fs::temp_directory_path() / "kontor-promise-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        options_.folder = base_ + "/log";
        options_.marker = base_ + "/marker";
        options_.clock = &system_clock();
        options_.segment_bytes = 64U << 10U;
    }
    ~PromiseTest() override { fs::remove_all(base_); }

    Result<OpenedFolder> open() { return open_folder(options_, "", real_file_ops()); }
    // Opens, appends `n` entries and syncs them.
    void work(unsigned n) {
        auto opened = open();
        ASSERT_TRUE(opened) << opened.error().describe();
        append(*opened, n);
    }
    static void append(OpenedFolder& opened, unsigned n) {
        const Entry entry{1, EntryType::command, std::make_shared<const std::string>("entry")};
        for (unsigned i = 0; i < n; ++i)
            ASSERT_TRUE(opened.log->append(opened.log->last_index() + 1, {&entry, 1}));
        ASSERT_TRUE(opened.log->sync());
    }
    void copy(const std::string& from, const std::string& to) {
        fs::remove_all(base_ + to);
        fs::copy(base_ + from, base_ + to, fs::copy_options::recursive);
    }
    void expect_forgot(const std::string& what) {
        const auto opened = open();
        ASSERT_FALSE(opened) << what;
        EXPECT_EQ(opened.error().code, ErrorCode::conflict);
        EXPECT_NE(opened.error().message.find(what), std::string::npos) << opened.error().message;
    }

    std::string base_;
    ReplicaOptions options_;
};

TEST_F(PromiseTest, AFolderThatGoesOnIsFine) {
    for (int i = 0; i < 3; ++i) work(5);
    EXPECT_EQ(open()->promises->now().generation, 4U);
    EXPECT_EQ(open()->promises->now().index, 16U);
}

TEST_F(PromiseTest, ACopyOfBeforeTheLastStartIsNoticed) {
    work(5);
    copy("/log", "/copy");
    work(5);
    copy("/copy", "/log");
    expect_forgot("start 2 then, 1 now");
    expect_forgot("start 2 then, 1 now");  // trying again does not help
}

TEST_F(PromiseTest, ACopyOfARunningFolderIsNoticedByItsEntries) {
    auto opened = open();
    ASSERT_TRUE(opened);
    append(*opened, 5);
    copy("/log", "/copy");
    append(*opened, 1);
    *opened = OpenedFolder{};
    copy("/copy", "/log");
    expect_forgot("last entry 7 then, 6 now");
}

TEST_F(PromiseTest, ACopyOfARunningFolderIsNoticedByItsVote) {
    auto opened = open();
    ASSERT_TRUE(opened);
    copy("/log", "/copy");
    ASSERT_TRUE(opened->state->store({1, 3}));  // the same term, and a vote in it
    opened->promises->voted(opened->state->sequence(), 1);
    *opened = OpenedFolder{};
    copy("/copy", "/log");
    expect_forgot("votes and terms written");
}

TEST_F(PromiseTest, EntriesThatAreTakenBackAreNotMissed) {
    {
        auto opened = open();
        ASSERT_TRUE(opened);
        append(*opened, 9);
        const Entry other{2, EntryType::command, std::make_shared<const std::string>("of another leader")};
        ASSERT_TRUE(opened->state->store({2, 0}));
        opened->promises->voted(opened->state->sequence(), 2);
        ASSERT_TRUE(opened->log->append(4, {&other, 1}));
        ASSERT_TRUE(opened->log->sync());
        EXPECT_EQ(opened->promises->now().epoch, 1U);
        EXPECT_EQ(opened->promises->now().index, 4U);
    }
    EXPECT_TRUE(open());
}

TEST_F(PromiseTest, AMarkerThatIsBehindOrLostStopsNobody) {
    work(5);
    copy("/marker", "/old-marker");
    work(5);
    fs::copy_file(base_ + "/old-marker", base_ + "/marker", fs::copy_options::overwrite_existing);
    work(1);
    fs::remove(base_ + "/marker");
    work(1);
    copy("/log", "/copy");
    work(1);
    copy("/copy", "/log");
    expect_forgot("start");  // the new one protects as well
}

TEST_F(PromiseTest, AMarkerThatRotsSaysLessAndNeverMore) {
    work(5);
    for (const std::uint64_t at : {3U, 40U, 4096U + 14, 8192U + 14}) {
        std::FILE* file = std::fopen(options_.marker.c_str(), "r+b");
        ASSERT_NE(file, nullptr);
        std::fseek(file, static_cast<long>(at), SEEK_SET);
        std::fputc(0xA5, file);
        std::fclose(file);
        work(1);
    }
    fs::resize_file(options_.marker, 10);
    work(1);
    fs::resize_file(options_.marker, 0);
    work(1);
    std::FILE* file = std::fopen((options_.folder + "/promise").c_str(), "r+b");
    ASSERT_NE(file, nullptr);
    std::fputc('X', file);
    std::fclose(file);
    work(1);
}

// A mistyped data.marker costs no key, no configuration and no list of users.
TEST_F(PromiseTest, NothingElseIsOverwritten) {
    const std::string good = options_.marker, other = base_ + "/secrets.key";
    work(3);
    std::ofstream(other) << "precious";
    std::ofstream(base_ + "/long") << std::string(100'000, '\0');
    fs::create_directory(base_ + "/folder");
    fs::create_symlink(other, base_ + "/link");
    fs::create_symlink(base_ + "/nothing", base_ + "/dangling");
    fs::create_hard_link(good, base_ + "/second-name");
    ASSERT_EQ(::mkfifo((base_ + "/pipe").c_str(), 0600), 0);
    for (const std::string& path :
         {other, base_ + "/long", base_ + "/folder", base_ + "/link", base_ + "/dangling",
          base_ + "/second-name", base_ + "/pipe", std::string("/dev/null"), other + "/x"}) {
        options_.marker = path;
        EXPECT_EQ(check_marker(path).error().code, ErrorCode::invalid_argument) << path;
        const auto opened = open();
        ASSERT_FALSE(opened) << path;
        EXPECT_EQ(opened.error().code, ErrorCode::invalid_argument) << path;
        EXPECT_FALSE(Replica::accept_older(options_)) << path;
    }
    std::ifstream file(other);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "precious");
    EXPECT_FALSE(fs::exists(base_ + "/nothing"));
    fs::remove(base_ + "/second-name");
    EXPECT_TRUE(check_marker(good));
    EXPECT_TRUE(check_marker(base_ + "/nothing"));
    std::ofstream(base_ + "/empty") << "";
    EXPECT_TRUE(check_marker(base_ + "/empty"));
    std::ofstream(base_ + "/zeros") << std::string(8224, '\0');
    EXPECT_TRUE(check_marker(base_ + "/zeros")) << "after a power cut";
    options_.marker = good;
    work(1);
}

TEST_F(PromiseTest, AMarkerThatIsGoneIsToldLoudly) {
    const auto said = [this](unsigned entries) {
        testing::internal::CaptureStderr();
        work(entries);
        return testing::internal::GetCapturedStderr();
    };
    EXPECT_EQ(said(1).find("marker_missing"), std::string::npos) << "there was none before";
    EXPECT_EQ(said(1).find("marker_missing"), std::string::npos);
    fs::remove(options_.marker);
    const std::string told = said(1);
    EXPECT_NE(told.find("warning replication: event=marker_missing file=" + options_.marker + " starts=2"),
              std::string::npos)
        << told;
    EXPECT_EQ(said(1).find("marker_missing"), std::string::npos) << "there is one again";
}

TEST_F(PromiseTest, AnEmptyFolderIsNoNewBeginning) {
    work(5);
    fs::remove_all(options_.folder);
    expect_forgot("remembers entries up to 6");
    EXPECT_FALSE(fs::exists(options_.folder + "/state"));
}

TEST_F(PromiseTest, AMarkerThatCannotBeWrittenStopsNobody) {
    options_.marker = base_ + "/no/such/folder/marker";
    work(5);
    work(5);
}

TEST_F(PromiseTest, AnotherNodesFolderIsNoticed) {
    work(5);
    fs::rename(options_.marker, base_ + "/kept");
    fs::remove_all(options_.folder);
    work(1);
    fs::rename(base_ + "/kept", options_.marker);
    expect_forgot("is not the folder that was here before");
}

TEST_F(PromiseTest, AnOperatorMayAcceptWhatIsOlder) {
    work(5);
    copy("/log", "/copy");
    work(5);
    copy("/copy", "/log");
    expect_forgot("start");
    const auto accepted = Replica::accept_older(options_);
    ASSERT_TRUE(accepted) << accepted.error().describe();
    EXPECT_TRUE(*accepted);
    work(1);
    copy("/copy", "/log");
    expect_forgot("start");  // once, not for ever
    fs::remove_all(options_.folder);
    EXPECT_TRUE(*Replica::accept_older(options_));
    work(1);
}

TEST_F(PromiseTest, WhoIsTakenInAnewIsBeyondWhatItPromised) {
    work(5);
    const auto before = Replica::remembered(options_);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->generation, 1U);
    const ClusterId cluster = open()->state->state().cluster;
    fs::remove_all(options_.folder);
    options_.renewed = Promise{before->generation + 2, before->sequence + 1, 7, before->epoch + 1, 0};
    ASSERT_TRUE(install_folder(options_, "", cluster, real_file_ops()));
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().describe();
    EXPECT_EQ(opened->state->state().hard,
              (HardState{7, options_.node_id}));  // votes for nobody in that term
    EXPECT_EQ(forgotten(*before, opened->promises->now()), "");
}

TEST_F(PromiseTest, ASingleNodeDoesNotStartInTheFolderOfAMember) {
    work(1);
    options_.is_alone = true;
    EXPECT_TRUE(open());
    {
        auto opened = open();
        Configuration two;
        two.servers.push_back({1, "one", ServerRole::voter});
        two.servers.push_back({2, "two", ServerRole::standby});
        const Entry change{1, EntryType::change,
                           std::make_shared<const std::string>(*encode_configuration(two))};
        ASSERT_TRUE(opened->log->append(opened->log->last_index() + 1, {&change, 1}));
        ASSERT_TRUE(opened->log->sync());
    }
    const auto refused = open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
    EXPECT_NE(refused.error().message.find("a cluster of 2 nodes"), std::string::npos);
    options_.node_id = 2;
    EXPECT_FALSE(open());
}

TEST_F(PromiseTest, ALookSaysWhatIsLostAndChangesNothing) {
    EXPECT_FALSE(look_at_folder(options_.folder, options_.marker)->owner);
    EXPECT_FALSE(fs::exists(options_.folder));
    work(5);
    copy("/log", "/copy");
    auto look = look_at_folder(options_.folder, options_.marker);
    ASSERT_TRUE(look) << look.error().describe();
    EXPECT_EQ(look->last_index, 6U);
    EXPECT_EQ(look->lost_entries, 0U);
    EXPECT_EQ(look->forgotten, "");
    work(3);
    copy("/copy", "/log");
    look = look_at_folder(options_.folder, options_.marker);
    ASSERT_TRUE(look);
    EXPECT_EQ(look->lost_entries, 3U);
    EXPECT_NE(look->forgotten, "");
    expect_forgot("start 2 then, 1 now");
    fs::remove_all(options_.folder);
    look = look_at_folder(options_.folder, options_.marker);
    ASSERT_TRUE(look && look->marker);
    EXPECT_EQ(look->marker->promise.index, 9U);
}

TEST_F(PromiseTest, TheMarkerKnowsAMember) {
    options_.is_alone = true;
    work(1);
    EXPECT_FALSE(look_at_folder(options_.folder, options_.marker)->marker->is_member);
    ASSERT_TRUE(remember_membership(options_.marker));
    EXPECT_TRUE(look_at_folder(options_.folder, options_.marker)->marker->is_member);
    work(1);
    EXPECT_FALSE(look_at_folder(options_.folder, options_.marker)->marker->is_member);
    options_.is_alone = false;
    work(1);
    EXPECT_TRUE(look_at_folder(options_.folder, options_.marker)->marker->is_member);
    options_.marker = base_ + "/none";
    EXPECT_TRUE(remember_membership(options_.marker));
    EXPECT_FALSE(fs::exists(options_.marker));
}

}  // namespace
}  // namespace kontor::replication

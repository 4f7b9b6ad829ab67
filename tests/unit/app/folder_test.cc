// What a data folder is before it is taken: whose, for whom, and what of it a start may touch.

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "data_folder.h"
#include "kontor/base/files.h"
#include "settings.h"
#include "verify.h"

namespace kontor::app {
namespace {

namespace fs = std::filesystem;

class FolderTest : public ::testing::Test {
 protected:
    FolderTest() {
        std::string pattern = (fs::temp_directory_path() / "kontor-folder-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        data_ = base_ + "/data";
    }
    ~FolderTest() override { fs::remove_all(base_); }
    void put(const std::string& name, const std::string& content = "x") const {
        fs::create_directories(fs::path(data_ + "/" + name).parent_path());
        ASSERT_TRUE(write_file(data_ + "/" + name, content, 0644));
    }
    static unsigned mode_of(const std::string& path) {
        struct stat info {};
        return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
    }
    std::string base_, data_;
};

TEST_F(FolderTest, OneOfOtherFilesIsNotTaken) {
    for (const char* name :
         {"passwd", "log/messages", "store/goods", "groups/names", "peer/names", "LOCKED"}) {
        fs::remove_all(data_);
        put(name);
        const unsigned before = mode_of(data_);
        const auto taken = DataFolder::take(data_);
        ASSERT_FALSE(taken) << name;
        EXPECT_EQ(taken.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(mode_of(data_ + "/" + name), 0644U);
        EXPECT_EQ(mode_of(data_), before);
        EXPECT_FALSE(fs::exists(data_ + "/LOCK"));
    }
}

TEST_F(FolderTest, WhatAStartThatWasCutShortLeftIsTaken) {
    put("LOCK");
    put("groups/0/log/state.tmp");
    EXPECT_TRUE(DataFolder::take(data_));
    fs::remove_all(data_);
    fs::create_directories(data_ + "/groups");
    fs::create_directories(data_ + "/lost+found");
    EXPECT_TRUE(DataFolder::take(data_));
}

TEST_F(FolderTest, OnlyWhatANodeMadeIsClosed) {
    put("format", "kontor data format 2\n");
    put("groups/0/log/state");
    put("groups/0/store.incoming/x");
    put("notes");
    ASSERT_TRUE(DataFolder::take(data_));
    EXPECT_EQ(mode_of(data_), 0700U);
    EXPECT_EQ(mode_of(data_ + "/groups/0/log/state"), 0600U);
    EXPECT_EQ(mode_of(data_ + "/groups/0/store.incoming/x"), 0600U);
    EXPECT_EQ(mode_of(data_ + "/notes"), 0644U);
}

// Each look names the version to use and changes nothing: no lock, no note, no mode.
TEST_F(FolderTest, OfAnotherFormatIsRefusedAndLeftAlone) {
    struct Case {
        const char* file;
        const char* content;
        const char* said;
    };
    for (const Case& each : {Case{"log/state", "x", "Kontor 0.1"},
                             {"store/partitions/00/data.mdb", "x", "data format 1"},
                             {"format", "kontor data format 1\n", "data format 1"},
                             {"format", "kontor data format 3\n", "use the newer version"},
                             {"format", "kontor data format 4294967295\n", "use the newer version"},
                             {"format", "kontor data format 4294967296\n", "says no format"},
                             {"format", "kontor data format 2", "says no format"},
                             {"format", "kontor data format 2\n\n", "says no format"},
                             {"format", "kontor data format ", "says no format"},
                             {"format", "", "says no format"},
                             {"format", "x", "says no format"},
                             {"groups/0/log/state", "x", "no file 'format'"},
                             {"groups/0/store/partitions/00/data.mdb", "x", "no file 'format'"}}) {
        fs::remove_all(data_);
        put(each.file, each.content);
        const auto taken = DataFolder::take(data_);
        ASSERT_FALSE(taken) << each.file << ' ' << each.content;
        EXPECT_EQ(taken.error().code, ErrorCode::unsupported);
        EXPECT_NE(taken.error().message.find(each.said), std::string::npos) << taken.error().message;
        EXPECT_NE(taken.error().message.find("Nothing was changed"), std::string::npos);
        EXPECT_EQ(holds_data(data_), std::string_view(each.file) != "format") << "of any format";
        EXPECT_FALSE(DataFolder::check(data_));
        EXPECT_FALSE(fs::exists(data_ + "/LOCK"));
        EXPECT_EQ(mode_of(data_ + "/" + each.file), 0644U);
    }
}

TEST_F(FolderTest, ANewOneSaysItsFormatFirst) {
    ASSERT_TRUE(DataFolder::take(data_));
    EXPECT_EQ(read_file(data_ + "/format").value(), "kontor data format 2\n");
    EXPECT_TRUE(DataFolder::check_format(data_));
    EXPECT_TRUE(DataFolder::take(data_));
}

TEST_F(FolderTest, OneThatEverybodyMayWriteToIsNotTaken) {
    fs::create_directories(data_);
    for (const unsigned mode : {01777U, 0777U, 0702U}) {
        ASSERT_EQ(::chmod(data_.c_str(), mode), 0);
        const auto taken = DataFolder::take(data_);
        ASSERT_FALSE(taken) << mode;
        EXPECT_EQ(taken.error().code, ErrorCode::invalid_argument);
        EXPECT_TRUE(fs::is_empty(data_));
        EXPECT_EQ(mode_of(data_), mode & 0777U);
    }
    // Also a node's own, since who knows what became of it.
    ASSERT_EQ(::chmod(data_.c_str(), 0755), 0);
    EXPECT_TRUE(DataFolder::take(data_));
    ASSERT_EQ(::chmod(data_.c_str(), 0777), 0);
    EXPECT_FALSE(DataFolder::take(data_));
    ASSERT_EQ(::chmod(data_.c_str(), 0755), 0);
    EXPECT_TRUE(DataFolder::take(data_));
}

TEST_F(FolderTest, OneThatAForeignGroupMayWriteToIsNotTaken) {
    fs::create_directories(data_);
    ASSERT_EQ(::chmod(data_.c_str(), 0770), 0);
    EXPECT_TRUE(DataFolder::take(data_)) << "its user's own group";
    if (::geteuid() != 0) GTEST_SKIP() << "only root gives a folder to a group that it is not in";
    ASSERT_EQ(::chown(data_.c_str(), static_cast<uid_t>(-1), 65'534), 0);
    ASSERT_EQ(::chmod(data_.c_str(), 0770), 0);
    EXPECT_EQ(DataFolder::take(data_).error().code, ErrorCode::invalid_argument);
    ASSERT_EQ(::chmod(data_.c_str(), 0750), 0);
    EXPECT_TRUE(DataFolder::take(data_));
}

TEST_F(FolderTest, ALookSaysWhoHasIt) {
    EXPECT_EQ(DataFolder::user_of(data_).name, "");
    {
        const auto taken = DataFolder::take(data_);
        ASSERT_TRUE(taken);
        EXPECT_TRUE(DataFolder::user_of(data_).is_this_process);
    }
    EXPECT_EQ(DataFolder::user_of(data_).name, "");
    EXPECT_EQ(DataFolder::take_existing(base_ + "/none").error().code, ErrorCode::not_found);
    EXPECT_FALSE(fs::exists(base_ + "/none"));
}

TEST_F(FolderTest, PathsInAFileAreMeantFromItsFolder) {
    ASSERT_TRUE(
        write_file(base_ + "/kontor.toml", "[data]\nfolder = \"data\"\nmarker = \"../here.mark\"\n", 0600));
    Settings settings;
    ASSERT_TRUE(load_settings({base_ + "/kontor.toml", {}, {}}, settings).empty());
    EXPECT_EQ(settings.data_folder, data_);
    EXPECT_EQ(settings.data_marker, fs::path(base_).parent_path().string() + "/here.mark");
    ASSERT_TRUE(load_settings({base_ + "/kontor.toml", {}, {"data.folder=/x"}}, settings).empty());
    EXPECT_EQ(settings.data_folder, "/x");
}

TEST(VerificationTest, WhatCouldNotBeLookedAtIsNoFinding) {
    Verification verification;
    verification.not_verified = "no_space: no space left on the disk";
    EXPECT_FALSE(verification.holds());
    EXPECT_EQ(to_text(verification).find("DOES NOT HOLD"), std::string::npos);
    EXPECT_NE(to_text(verification).find("could not be verified: no_space"), std::string::npos);
    EXPECT_NE(to_json(verification).find("\"verified\":false"), std::string::npos);
}

}  // namespace
}  // namespace kontor::app

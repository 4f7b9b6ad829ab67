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
    void put(const std::string& name, unsigned mode = 0644) const {
        fs::create_directories(fs::path(data_ + "/" + name).parent_path());
        ASSERT_TRUE(write_file(data_ + "/" + name, "x", mode));
    }
    static unsigned mode_of(const std::string& path) {
        struct stat info {};
        return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
    }
    std::string base_, data_;
};

TEST_F(FolderTest, OneOfOtherFilesIsNotTaken) {
    for (const char* name : {"passwd", "log/messages", "store/goods", "peer/names", "LOCKED"}) {
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
    put("log/state.tmp");
    EXPECT_TRUE(DataFolder::take(data_));
    fs::remove_all(data_);
    fs::create_directories(data_ + "/store");
    fs::create_directories(data_ + "/lost+found");
    EXPECT_TRUE(DataFolder::take(data_));
}

TEST_F(FolderTest, OnlyWhatANodeMadeIsClosed) {
    put("log/state");
    put("store.incoming/x");
    put("notes");
    ASSERT_TRUE(DataFolder::take(data_));
    EXPECT_EQ(mode_of(data_), 0700U);
    EXPECT_EQ(mode_of(data_ + "/log/state"), 0600U);
    EXPECT_EQ(mode_of(data_ + "/store.incoming/x"), 0600U);
    EXPECT_EQ(mode_of(data_ + "/notes"), 0644U);
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
    put("log/state");
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

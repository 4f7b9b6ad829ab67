// Small files in whose place there is something else: nothing hangs, and each is told by name.
#include "kontor/base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

#include "kontor/base/disk_space.h"
#include "kontor/base/error.h"
#include "kontor/base/shortage.h"
#include "support/temp_folder.h"

namespace kontor {
namespace {

class SmallFilesTest : public ::testing::Test {
 protected:
    const kontor_test::TempFolder own_{"small"};
    const std::string folder_ = own_.path();
};

TEST_F(SmallFilesTest, OnlyRegularFilesAreRead) {
    const std::string pipe = folder_ + "/pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    for (const std::string& path : {pipe, folder_, std::string("/dev/zero"), std::string("/dev/null")}) {
        const auto content = read_file(path);
        ASSERT_FALSE(content) << path;
        EXPECT_EQ(content.error().code, ErrorCode::invalid_argument) << path;
        EXPECT_EQ(read_file_within(path).error().code, ErrorCode::invalid_argument) << path;
    }
    EXPECT_EQ(read_file_within(folder_ + "/none").error().code, ErrorCode::not_found);
    ASSERT_TRUE(write_file(folder_ + "/a", "text", 0600));
    EXPECT_EQ(*read_file_within(folder_ + "/a"), "text");
}

// What is played here by a promise that nobody keeps is a network mount whose server is gone.
TEST_F(SmallFilesTest, ADiskThatDoesNotAnswerHoldsNobodyUp) {
    const auto gate = std::make_shared<std::promise<void>>();
    const auto asked = std::make_shared<std::atomic<int>>(0);
    const auto ended = std::make_shared<std::promise<void>>();
    const auto ask = [&](const std::string& path, unsigned ms) {
        return ask_disk(path, ms, [=, opened = gate->get_future().share()]() -> Result<std::string> {
            ++*asked;
            opened.wait();
            ended->set_value();
            return std::string("late");
        });
    };
    const auto first = ask("/mnt/dead", 50);
    ASSERT_FALSE(first);
    EXPECT_EQ(first.error().code, ErrorCode::unavailable);
    EXPECT_NE(first.error().message.find("does not answer"), std::string::npos);
    // No second thread for the same path, however often it is asked; another path is another disk.
    const auto again = ask_disk("/mnt/dead", 60'000, [] { return Result<std::string>("x"); });
    EXPECT_FALSE(again);
    EXPECT_EQ(*ask_disk("/mnt/alive", 60'000, [] { return Result<std::string>("x"); }), "x");
    EXPECT_EQ(asked->load(), 1);
    gate->set_value();
    ended->get_future().wait();
    // It answers again: asked until the thread has gone.
    Result<std::string> now = fail(ErrorCode::unavailable, "");
    for (int i = 0; i < 10'000 && !now; ++i) {
        now = ask_disk("/mnt/dead", 60'000, [] { return Result<std::string>("back"); });
        if (!now) std::this_thread::yield();
    }
    EXPECT_EQ(now.value_or(""), "back");
}

TEST_F(SmallFilesTest, NothingIsWrittenThroughALinkOrIntoAPipe) {
    ASSERT_TRUE(write_file(folder_ + "/treasure", "gold", 0600));
    std::filesystem::create_symlink(folder_ + "/treasure", folder_ + "/link");
    EXPECT_LT(open_file(folder_ + "/link", O_RDWR | O_CREAT | O_TRUNC), 0);
    EXPECT_EQ(errno, ELOOP);
    EXPECT_FALSE(reserve_file(folder_ + "/link", 4096));
    ASSERT_TRUE(write_file(folder_ + "/link", "mine", 0600)) << "the link is replaced";
    EXPECT_EQ(*read_file(folder_ + "/treasure"), "gold");
    ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
    EXPECT_LT(open_file(folder_ + "/pipe", O_WRONLY | O_CREAT), 0) << "nobody reads it, and nobody waits";
}

TEST(ErrnoError, ALimitOfFileSizesIsAFullDisk) {
    for (const int full : {ENOSPC, EDQUOT, EFBIG})
        EXPECT_EQ(errno_error("write", full).code, ErrorCode::no_space);
    EXPECT_EQ(errno_error("write", EIO).code, ErrorCode::io);
}

}  // namespace
}  // namespace kontor

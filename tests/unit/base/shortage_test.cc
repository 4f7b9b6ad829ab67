#include "kontor/base/shortage.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "kontor/base/files.h"

namespace kontor {
namespace {

// No descriptor is free until somebody gives one back.
class NoDescriptors {
 public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
    rlimit before_{};
};

TEST(Shortage, AFileIsOpenedWhenThereIsRoomAgain) {
    auto none = std::make_unique<NoDescriptors>();
    EXPECT_LT(::open("/", O_RDONLY | O_CLOEXEC), 0);
    EXPECT_EQ(errno, EMFILE);
    std::thread later([&none] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        none.reset();
    });
    const int fd = open_file("/", O_RDONLY | O_DIRECTORY);
    later.join();
    ASSERT_GE(fd, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    ::close(fd);
}

TEST(Shortage, OtherFailuresAreTold) {
    EXPECT_LT(open_file("/nowhere/at/all", O_RDONLY), 0);
    EXPECT_EQ(errno, ENOENT);
    int calls = 0;
    EXPECT_EQ(wait_for_room("a test", [&calls] { return ++calls < 4 ? ENOMEM : EIO; }), EIO);
    EXPECT_EQ(calls, 4);
    EXPECT_FALSE(is_shortage(ENOSPC));
    EXPECT_FALSE(is_shortage(0));
}

TEST(Shortage, SmallFilesAreWrittenWhenThereIsRoomAgain) {
    const std::string path = testing::TempDir() + "/kontor-shortage-" + std::to_string(::getpid());
    auto none = std::make_unique<NoDescriptors>();
    std::thread later([&none] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        none.reset();
    });
    const auto written = write_file(path, "content", 0600);
    later.join();
    ASSERT_TRUE(written) << written.error().describe();
    EXPECT_EQ(*read_file(path), "content");
    ::unlink(path.c_str());
}

// In a process of its own, since it is for good there.
TEST(Shortage, NobodyWaitsForLongWhenTheProcessEnds) {
    const auto run = [] {
        const NoDescriptors none;
        std::thread later([] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            shorten_shortage_waits();
        });
        const bool is_opened = open_file("/", O_RDONLY | O_DIRECTORY) >= 0;  // waits already
        const int error = errno;
        later.join();
        ::_exit(!is_opened && error == EMFILE &&
                        opening_error("open /", error).code == ErrorCode::unavailable &&
                        opening_error("open /", ENOENT).code == ErrorCode::io
                    ? 0
                    : 1);
    };
    EXPECT_EQ(opening_error("open /", EMFILE).code, ErrorCode::io) << "it is not ending";
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(kShortageWaitMs / 10))
        << "the end waits for descriptors that do not come";
}

}  // namespace
}  // namespace kontor

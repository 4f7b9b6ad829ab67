#include "kontor/base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "log_stamp.h"

namespace kontor {
namespace {

// What `work` writes to stderr.
std::string captured(const std::function<void()>& work) {
    testing::internal::CaptureStderr();
    work();
    return testing::internal::GetCapturedStderr();
}

class LogTest : public ::testing::Test {
 protected:
    void TearDown() override { log::set_level(log::Level::info); }
};

TEST_F(LogTest, ALineHasTimeLevelAndComponent) {
    std::string shape = captured([] { log::info("net", "listening port=x"); });
    for (char& c : shape)
        if (c >= '0' && c <= '9') c = '9';
    EXPECT_EQ(shape, "9999-99-99T99:99:99.999Z info net: listening port=x\n");
}

TEST_F(LogTest, TheTimeIsRightWhateverTheClockSays) {
    EXPECT_EQ(log::stamp_of({0, 0}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(log::stamp_of({-1, 999'000'000}), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(log::stamp_of({-2'208'988'800, 1'000'000}), "1900-01-01T00:00:00.001Z");
    EXPECT_EQ(log::stamp_of({9'223'372'037, 0}), "2262-04-11T23:47:17.000Z")
        << "a second too late for nanoseconds";
    EXPECT_EQ(log::stamp_of({253'402'300'800, 120'000'000}), "10000-01-01T00:00:00.120Z");
}

TEST_F(LogTest, NobodyForgesALine) {
    const std::string line = captured(
        [] { log::warning("api", "name=x\n2026-01-01T00:00:00.000Z info api: forged\r\t\x1b[31m\x7f"); });
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_TRUE(line.ends_with("\n"));
    for (const char c : line.substr(0, line.size() - 1))
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    EXPECT_NE(line.find("name=x 2026-01-01"), std::string::npos);
    EXPECT_NE(captured([] { log::info("api", "名称"); }).find("名称"), std::string::npos);  // UTF-8 stays
}

TEST_F(LogTest, LinesAreCutAtTheLimit) {
    const std::string line = captured([] { log::error("api", std::string(10'000, 'x')); });
    EXPECT_EQ(line.size(), 4096U);
    EXPECT_TRUE(line.ends_with("x\n"));
    const std::string short_line = captured([] { log::error("api", "y"); });
    const std::size_t frame = short_line.size() - 1;
    EXPECT_EQ(captured([&] { log::error("api", std::string(4096 - frame, 'x')); }).size(), 4096U);
    EXPECT_EQ(captured([&] { log::error("api", std::string(4095 - frame, 'x')); }).size(), 4095U);
}

TEST_F(LogTest, LevelsAreObeyed) {
    EXPECT_EQ(captured([] { log::debug("api", "quiet"); }), "");
    log::set_level(log::Level::debug);
    EXPECT_NE(captured([] { log::debug("api", "loud"); }), "");
    log::set_level(log::Level::error);
    EXPECT_EQ(captured([] { log::warning("api", "quiet"); }), "");
    EXPECT_FALSE(log::enabled(log::Level::warning));
    EXPECT_TRUE(log::enabled(log::Level::error));
}

}  // namespace
}  // namespace kontor

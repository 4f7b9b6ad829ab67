#include "control.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>

#include "support/temp_folder.h"

namespace kontor::app {
namespace {

class ControlTest : public ::testing::Test {
 protected:
    const kontor_test::TempFolder own_{"control"};
    const std::string folder_ = own_.path();
};

TEST_F(ControlTest, AnswersItsUserOnly) {
    auto server = ControlServer::start(control_path(folder_),
                                       [](const std::string& request) { return "got " + request; });
    ASSERT_TRUE(server) << server.error().describe();
    struct stat info {};
    ASSERT_EQ(::stat(control_path(folder_).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    for (int i = 0; i < 3; ++i) {
        const auto answer = control_call(control_path(folder_), R"({"command":"status"})");
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_EQ(*answer, R"(got {"command":"status"})");
    }
    server->reset();
    EXPECT_FALSE(std::filesystem::exists(control_path(folder_)));
}

TEST_F(ControlTest, ARequestThatCannotBeAnsweredEndsNothing) {
    auto server = ControlServer::start(control_path(folder_), [](const std::string& request) -> std::string {
        if (request == "bad") throw std::runtime_error("of an odd type");
        return "good";
    });
    ASSERT_TRUE(server);
    const auto bad = control_call(control_path(folder_), "bad");
    ASSERT_TRUE(bad) << bad.error().describe();
    EXPECT_NE(bad->find("error"), std::string::npos);
    EXPECT_EQ(*control_call(control_path(folder_), "good"), "good");
}

TEST_F(ControlTest, ALineThatIsTooLongIsDropped) {
    auto server =
        ControlServer::start(control_path(folder_), [](const std::string&) { return std::string("read"); });
    ASSERT_TRUE(server);
    EXPECT_TRUE(control_call(control_path(folder_), std::string(60'000, 'x')));
    EXPECT_FALSE(control_call(control_path(folder_), std::string(80'000, 'x')));
    EXPECT_TRUE(control_call(control_path(folder_), "and the next one is served"));
}

TEST_F(ControlTest, NobodyThereIsUnavailable) {
    EXPECT_EQ(control_call(control_path(folder_), "{}").error().code, ErrorCode::unavailable);
    EXPECT_EQ(control_call(folder_ + std::string(200, 'x'), "{}").error().code, ErrorCode::invalid_argument);
}

TEST_F(ControlTest, ASocketLeftBehindIsReplaced) {
    {
        auto dead = ControlServer::start(control_path(folder_),
                                         [](const std::string&) { return std::string("old"); });
        ASSERT_TRUE(dead);
        std::filesystem::create_hard_link(control_path(folder_), folder_ + "/kept");
    }
    std::filesystem::rename(folder_ + "/kept", control_path(folder_));
    auto server =
        ControlServer::start(control_path(folder_), [](const std::string&) { return std::string("new"); });
    ASSERT_TRUE(server) << server.error().describe();
    EXPECT_EQ(*control_call(control_path(folder_), "{}"), "new");
}

}  // namespace
}  // namespace kontor::app

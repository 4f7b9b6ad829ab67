#include "control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

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

// It takes its time, and those who wait behind it too; nobody takes it for dead.
TEST_F(ControlTest, ANodeThatIsAtWorkIsWaitedFor) {
    auto server = ControlServer::start(control_path(folder_), [](const std::string& request) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2'500));
        return request;
    });
    ASSERT_TRUE(server);
    const auto call = [this](const std::string& request) {
        return control_call(control_path(folder_), request, 2'000);
    };
    auto second = std::async(std::launch::async, call, "second");
    const auto first = call("first");
    ASSERT_TRUE(first) << first.error().describe();
    EXPECT_EQ(*first, "first");
    const auto answer = second.get();
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(*answer, "second");
}

// A process that was stopped: the kernel still takes what is sent to its socket, until nothing more fits.
TEST_F(ControlTest, ANodeThatStandsStillIsGivenUp) {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = control_path(folder_);
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    for (int i = 0; i < 4; ++i) {
        const auto answer = control_call(path, R"({"command":"status"})", 100);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::timeout) << answer.error().describe();
        EXPECT_NE(answer.error().message.find("does not answer"), std::string::npos);
    }
    ::close(listener);
}

TEST_F(ControlTest, SoManyWaitAtOnceAndNoMore) {
    constexpr std::size_t kAtOnce = 64;
    std::promise<void> begun, go;
    auto server = ControlServer::start(control_path(folder_), [&](const std::string& request) {
        if (request == "first") {
            begun.set_value();
            go.get_future().wait();
        }
        return request;
    });
    ASSERT_TRUE(server);
    const auto call = [this](const std::string& request) {
        return std::async(std::launch::async,
                          [this, request] { return control_call(control_path(folder_), request); });
    };
    std::vector<std::future<Result<std::string>>> calls;
    calls.push_back(call("first"));
    begun.get_future().wait();
    for (std::size_t i = 0; i < kAtOnce; ++i) calls.push_back(call("another"));
    // The one too many is told at once.
    std::size_t refused = 0;
    while (refused == 0)
        for (auto& one : calls)
            refused += one.wait_for(std::chrono::milliseconds(20)) == std::future_status::ready ? 1 : 0;
    go.set_value();
    std::size_t answered = 0;
    for (auto& one : calls) answered += one.get() ? 1 : 0;
    EXPECT_EQ(refused, 1U);
    EXPECT_EQ(answered, kAtOnce);
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

#include "control.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/environment.h"
#include "support/temp_folder.h"

namespace kontor::app {
namespace {

using Handler = std::function<std::string(const std::string&)>;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

bool is_within(Clock::time_point began, unsigned ms) {
    return Clock::now() - began < milliseconds(kontor_test::patient_ms(ms));
}

// A client that does not do what the command line does.
class RawClient {
 public:
    explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    }
    ~RawClient() { close(); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;
    bool send(const std::string& bytes) const {
        return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }
    void send_no_more() const { ::shutdown(fd_, SHUT_WR); }
    // Until the server closes.
    [[nodiscard]] std::string read_all() const {
        std::string text;
        char buffer[4096];
        for (ssize_t n = 0; (n = ::recv(fd_, buffer, sizeof(buffer), 0)) > 0;)
            text.append(buffer, static_cast<std::size_t>(n));
        return text;
    }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

 private:
    int fd_;
};

// A request that is at work until the test lets it go.
struct Held {
    std::promise<void> begun, go;
    void wait() {
        begun.set_value();
        go.get_future().wait();
    }
};

class ControlTest : public ::testing::Test {
 protected:
    // Requests that begin with a "c" are commands, with a "v" verifications.
    static ControlLane lane_of(const std::string& request) {
        return request.starts_with('c')   ? ControlLane::command
               : request.starts_with('v') ? ControlLane::verification
                                          : ControlLane::question;
    }
    Result<std::unique_ptr<ControlServer>> start(Handler handler) {
        return ControlServer::start(
            {control_path(folder_), std::move(handler), lane_of, [this] { return shall_stop_.load(); }});
    }
    std::future<Result<std::string>> call(const std::string& request) {
        return std::async(std::launch::async,
                          [this, request] { return control_call(control_path(folder_), request); });
    }
    const kontor_test::TempFolder own_{"control"};
    const std::string folder_ = own_.path();
    std::atomic<bool> shall_stop_{false};
};

TEST_F(ControlTest, AnswersItsUserOnly) {
    auto server = start([](const std::string& request) { return "got " + request; });
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
    auto server = start([](const std::string& request) -> std::string {
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
    auto server = start([](const std::string&) { return std::string("read"); });
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
    auto server = start([](const std::string& request) {
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

// Blanks for ever, or half a request: each is one of many clients that are heard at once.
TEST_F(ControlTest, WhoSendsSlowlyHoldsUpNobody) {
    auto server = start([](const std::string& request) { return request; });
    ASSERT_TRUE(server);
    std::vector<std::unique_ptr<RawClient>> slow;
    for (std::size_t i = 0; i < kControlSending; ++i)
        slow.push_back(std::make_unique<RawClient>(control_path(folder_)));
    std::atomic<bool> ends{false};
    std::thread dribbles([&] {
        while (!ends.load()) {
            for (const auto& client : slow) client->send(" ");
            std::this_thread::sleep_for(milliseconds(20));
        }
    });
    const auto began = Clock::now();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(*control_call(control_path(folder_), "question"), "question");
    EXPECT_TRUE(is_within(began, kControlRequestMs / 2));
    // Whatever they send: the request as a whole has a deadline.
    for (const auto& client : slow) EXPECT_EQ(client->read_all(), "");
    EXPECT_TRUE(is_within(began, 2 * kControlRequestMs));
    ends.store(true);
    dribbles.join();
}

TEST_F(ControlTest, WhoSendsSlowlyDoesNotHoldUpTheEnd) {
    auto server = start([](const std::string& request) { return request; });
    ASSERT_TRUE(server);
    const RawClient silent(control_path(folder_)), half(control_path(folder_));
    half.send(R"({"command":"sta)");
    EXPECT_EQ(*control_call(control_path(folder_), "question"), "question");
    const auto began = Clock::now();
    server->reset();
    EXPECT_TRUE(is_within(began, kControlRequestMs / 4));
}

TEST_F(ControlTest, OfTooManySendersTheOldestGoesFirst) {
    auto server = start([](const std::string& request) { return request; });
    ASSERT_TRUE(server);
    std::vector<std::unique_ptr<RawClient>> senders;
    for (std::size_t i = 0; i < kControlSending; ++i)
        senders.push_back(std::make_unique<RawClient>(control_path(folder_)));
    const RawClient newest(control_path(folder_));
    const auto began = Clock::now();
    EXPECT_EQ(senders.front()->read_all(), "");
    EXPECT_TRUE(is_within(began, kControlRequestMs / 2));
    EXPECT_TRUE(senders[1]->send("second\n"));
    EXPECT_EQ(senders[1]->read_all(), "second\n");
    EXPECT_TRUE(newest.send("newest\n"));
    EXPECT_EQ(newest.read_all(), "newest\n");
}

TEST_F(ControlTest, QuestionsWaitForNothingAndCommandsForEachOther) {
    Held held;
    std::atomic<int> commands{0};
    auto server = start([&](const std::string& request) {
        if (request.starts_with('c')) ++commands;
        if (request == "command 1") held.wait();
        return request;
    });
    ASSERT_TRUE(server);
    auto first = call("command 1");
    held.begun.get_future().wait();
    auto second = call("command 2");
    EXPECT_EQ(*control_call(control_path(folder_), "question"), "question");
    EXPECT_EQ(*control_call(control_path(folder_), "verify"), "verify");
    EXPECT_EQ(second.wait_for(milliseconds(50)), std::future_status::timeout);
    EXPECT_EQ(commands.load(), 1);
    held.go.set_value();
    EXPECT_EQ(*first.get(), "command 1");
    EXPECT_EQ(*second.get(), "command 2");
}

TEST_F(ControlTest, WhatNobodyWaitsForAnyMoreIsNotBegun) {
    Held held;
    std::vector<std::string> done;  // of the one thread that answers commands
    auto server = start([&](const std::string& request) {
        done.push_back(request);
        if (request == "c first") held.wait();
        return request;
    });
    ASSERT_TRUE(server);
    auto first = call("c first");
    held.begun.get_future().wait();
    RawClient gone(control_path(folder_)), listens(control_path(folder_));
    ASSERT_TRUE(gone.send("c gone\n"));
    gone.close();
    ASSERT_TRUE(listens.send("c listens\n"));
    listens.send_no_more();
    // The answer to a later question says that they have been heard.
    EXPECT_EQ(*control_call(control_path(folder_), "question"), "question");
    held.go.set_value();
    EXPECT_TRUE(listens.read_all().ends_with("c listens\n"));
    EXPECT_EQ(*control_call(control_path(folder_), "c last"), "c last");
    server->reset();
    std::erase(done, "question");
    EXPECT_EQ(done, (std::vector<std::string>{"c first", "c listens", "c last"}));
}

TEST_F(ControlTest, SoManyWaitInALaneAndNoMore) {
    Held held;
    auto server = start([&](const std::string& request) {
        if (request == "c first") held.wait();
        return request;
    });
    ASSERT_TRUE(server);
    auto first = call("c first");
    held.begun.get_future().wait();
    std::vector<std::unique_ptr<RawClient>> waiting;
    for (std::size_t i = 0; i < kControlWaiting; ++i) {
        waiting.push_back(std::make_unique<RawClient>(control_path(folder_)));
        ASSERT_TRUE(waiting.back()->send("c waits\n"));
    }
    EXPECT_EQ(*control_call(control_path(folder_), "question"), "question");
    const auto refused = control_call(control_path(folder_), "c one too many");
    ASSERT_TRUE(refused) << refused.error().describe();
    EXPECT_NE(refused->find("too many requests wait"), std::string::npos) << *refused;
    // Who has gone has left a place.
    waiting.front()->close();
    auto fits = call("c fits");
    EXPECT_EQ(fits.wait_for(milliseconds(50)), std::future_status::timeout);
    held.go.set_value();
    EXPECT_EQ(*fits.get(), "c fits");
    EXPECT_EQ(*first.get(), "c first");
    for (std::size_t i = 1; i < waiting.size(); ++i)
        EXPECT_TRUE(waiting[i]->read_all().ends_with("c waits\n")) << i;
}

TEST_F(ControlTest, AtTheEndWhoWaitsIsTold) {
    std::promise<void> begun;
    auto server = start([&](const std::string& request) {
        if (!request.starts_with('c')) return request;
        begun.set_value();
        while (!shall_stop_.load()) std::this_thread::sleep_for(milliseconds(1));
        return request + " was cut short";
    });
    ASSERT_TRUE(server);
    auto first = call("c first");
    begun.get_future().wait();
    auto second = call("c second");
    EXPECT_EQ(second.wait_for(milliseconds(50)), std::future_status::timeout);
    const auto began = Clock::now();
    shall_stop_.store(true);
    EXPECT_EQ(*first.get(), "c first was cut short");
    const auto told = second.get();
    EXPECT_EQ(*control_call(control_path(folder_), "question"), "question") << "it is still running";
    server->reset();
    EXPECT_TRUE(is_within(began, 500));
    ASSERT_TRUE(told) << told.error().describe();
    EXPECT_NE(told->find("stopping; nothing was done"), std::string::npos) << *told;
}

// More than a socket takes: neither the next one nor the end waits for ever.
TEST_F(ControlTest, AnAnswerThatIsNotTakenHoldsNobodyUpForLong) {
    auto server = start(
        [](const std::string& request) { return std::string(request == "large" ? 8U << 20U : 1, 'x'); });
    ASSERT_TRUE(server);
    const RawClient deaf(control_path(folder_));
    ASSERT_TRUE(deaf.send("large\n"));
    const auto began = Clock::now();
    EXPECT_EQ(*control_call(control_path(folder_), "question"), "x");
    EXPECT_TRUE(is_within(began, kControlAnswerMs + 1'000));
    const RawClient again(control_path(folder_));
    ASSERT_TRUE(again.send("large\n"));
    auto behind = call("question");
    EXPECT_EQ(behind.wait_for(milliseconds(100)), std::future_status::timeout);
    const auto ends = Clock::now();
    server->reset();
    EXPECT_TRUE(is_within(ends, 500));
}

TEST_F(ControlTest, ANodeThatEndsBeforeItsAnswerSaysNothingAboutIt) {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = control_path(folder_);
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    auto answer = call("c");
    ::close(::accept(listener, nullptr, nullptr));
    const auto said = answer.get();
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().code, ErrorCode::io);
    EXPECT_NE(said.error().message.find("not known"), std::string::npos) << said.error().message;
    ::close(listener);
}

TEST_F(ControlTest, ASocketLeftBehindIsReplaced) {
    {
        auto dead = start([](const std::string&) { return std::string("old"); });
        ASSERT_TRUE(dead);
        std::filesystem::create_hard_link(control_path(folder_), folder_ + "/kept");
    }
    std::filesystem::rename(folder_ + "/kept", control_path(folder_));
    auto server = start([](const std::string&) { return std::string("new"); });
    ASSERT_TRUE(server) << server.error().describe();
    EXPECT_EQ(*control_call(control_path(folder_), "{}"), "new");
}

}  // namespace
}  // namespace kontor::app

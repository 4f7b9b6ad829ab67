// Who may try to log in again, and whose turn it is.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "login_throttle.h"
#include "password_queue.h"

namespace kontor::admin {
namespace {

using End = LoginThrottle::End;

bool one_try(LoginThrottle& throttle, const std::string& who, std::uint64_t now_ms, End end) {
    if (!throttle.begin(who, now_ms)) return false;
    throttle.end(who, end, now_ms);
    return true;
}

TEST(Throttle, WaitsDoubleFromTheFifthWrongTryToFiveMinutes) {
    LoginThrottle throttle;
    std::uint64_t now = 1'000'000;
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(one_try(throttle, "eve", now, End::wrong)) << i;
        EXPECT_EQ(throttle.wait_ms("eve", now), 0U) << i;
    }
    std::uint64_t delay = 1'000;
    for (int i = 0; i < 14; ++i) {
        ASSERT_TRUE(one_try(throttle, "eve", now, End::wrong)) << i;
        EXPECT_EQ(throttle.wait_ms("eve", now), delay) << i;
        EXPECT_FALSE(throttle.begin("eve", now + delay - 1)) << i;
        now += delay;
        delay = std::min<std::uint64_t>(delay * 2, 300'000);
    }
    EXPECT_EQ(delay, 300'000U);
    EXPECT_TRUE(one_try(throttle, "ada", now, End::wrong)) << "nobody else waits";
}

TEST(Throttle, TriesUnderWayCountAsWrong) {
    LoginThrottle throttle;
    for (std::uint64_t i = 0; i < limits::kLoginFreeTries; ++i) EXPECT_TRUE(throttle.begin("eve", 1));
    EXPECT_FALSE(throttle.begin("eve", 1));
    throttle.end("eve", End::neither, 1);
    EXPECT_TRUE(throttle.begin("eve", 1)) << "one that said nothing leaves its place";
}

TEST(Throttle, ARightTryForgetsTheWrongOnesAndSoDoesAnHour) {
    LoginThrottle throttle;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(one_try(throttle, "ada", 10, End::wrong));
    EXPECT_FALSE(throttle.begin("ada", 10));
    EXPECT_TRUE(one_try(throttle, "ada", 1'010, End::right));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(one_try(throttle, "ada", 2'000, End::wrong)) << i;
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(one_try(throttle, "ada", 2'000 + limits::kLoginForgetMs, End::wrong)) << i;
}

TEST(Throttle, TheLeastRecentlySeenIsForgotten) {
    LoginThrottle throttle(3);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(one_try(throttle, "a", 10, End::wrong));
    EXPECT_TRUE(one_try(throttle, "b", 10, End::wrong));
    EXPECT_TRUE(one_try(throttle, "c", 10, End::wrong));
    EXPECT_FALSE(throttle.begin("a", 10)) << "seen again";
    EXPECT_TRUE(one_try(throttle, "d", 10, End::wrong));
    EXPECT_FALSE(throttle.begin("a", 10)) << "b went";
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(one_try(throttle, "x" + std::to_string(i), 10, End::wrong));
    EXPECT_TRUE(throttle.begin("a", 10));
}

// Jobs that note who they were of; the first one holds the thread until all are queued.
class Queue : public ::testing::Test {
 protected:
    Queue() {
        EXPECT_TRUE(queue_.run("first", false, {[this] { wait_for(go_); }, {}}));
        while (!started_) std::this_thread::yield();
    }
    ~Queue() override { go_ = true; }
    bool add(const std::string& address, bool trusted, const std::string& name) {
        const bool taken =
            queue_.run(address, trusted, {[this, name] { note(name); }, [this] { ++dropped_; }});
        added_ += taken ? 1 : 0;
        return taken;
    }
    std::vector<std::string> order() {
        go_ = true;
        for (int i = 0; i < 4000 && done_ + dropped_ < added_; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        queue_.stop();
        return order_;
    }
    void wait_for(const std::atomic<bool>& flag) {
        started_ = true;
        while (!flag) std::this_thread::yield();
    }
    void note(const std::string& name) {
        order_.push_back(name);
        ++done_;
    }
    std::atomic<bool> go_{false}, started_{false};
    std::atomic<int> dropped_{0}, done_{0};
    int added_ = 0;
    std::vector<std::string> order_;  // the queue's thread, read after stop()
    PasswordQueue queue_{system_clock()};
};

TEST_F(Queue, AddressesTakeTurnsAndTheTrustedGoFirst) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(add("flood", false, "flood"));
    EXPECT_TRUE(add("ada", false, "ada"));
    EXPECT_TRUE(add("bob", false, "bob"));
    EXPECT_TRUE(add("flood", true, "known"));
    EXPECT_EQ(order(), (std::vector<std::string>{"known", "flood", "ada", "bob", "flood", "flood"}));
}

TEST_F(Queue, AnAddressHasAShareAndAFullQueueTakesFromTheOneWithTheMost) {
    for (std::size_t i = 0; i < limits::kPasswordQueuePerAddress; ++i) EXPECT_TRUE(add("a", false, "a"));
    EXPECT_FALSE(add("a", false, "a"));
    const std::size_t addresses = limits::kPasswordQueue / limits::kPasswordQueuePerAddress;
    for (std::size_t n = 1; n < addresses; ++n)
        for (std::size_t i = 0; i < limits::kPasswordQueuePerAddress; ++i)
            EXPECT_TRUE(add("b" + std::to_string(n), false, "b"));
    EXPECT_EQ(dropped_.load(), 0);
    EXPECT_TRUE(add("new", false, "new"));
    EXPECT_EQ(dropped_.load(), 1);
    EXPECT_TRUE(add("a", true, "known")) << "strangers take no place of the known";
    const auto done = order();
    EXPECT_EQ(done.size(), limits::kPasswordQueue + 1);
    EXPECT_EQ(done.front(), "known");
    EXPECT_EQ(dropped_.load(), 1);
}

}  // namespace
}  // namespace kontor::admin

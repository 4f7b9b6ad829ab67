// Names that hang, and everybody else's.

#include "kontor/transport/name_lookup.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "support/environment.h"
#include "support/eventually.h"
#include "support/name_servers.h"
#include "support/test_identity.h"

namespace kontor::transport {
namespace {

using namespace kontor_test;

constexpr std::uint64_t kNever = ~std::uint64_t{0};

class Answers {
 public:
    [[nodiscard]] NameLookup::Done take(const std::string& host) {
        return [this, host](const Result<NameLookup::Addresses>& found) {
            const std::lock_guard lock(mutex_);
            codes_[host].push_back(found ? ErrorCode{0} : found.error().code);
        };
    }
    [[nodiscard]] std::size_t count(const std::string& host) {
        const std::lock_guard lock(mutex_);
        return codes_[host].size();
    }
    [[nodiscard]] ErrorCode last(const std::string& host) {
        const std::lock_guard lock(mutex_);
        return codes_[host].back();
    }

 private:
    std::mutex mutex_;
    std::map<std::string, std::vector<ErrorCode>> codes_;
};

TEST(NameLookup, AsksOnceForWhatManyWantAndAnswersAll) {
    Answers answers;
    NameLookup names([](const std::string&) -> Result<std::vector<std::string>> {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return std::vector<std::string>{"192.0.2.1", "not an address", "2001:db8::1"};
    });
    for (int i = 0; i < 5; ++i)
        names.look_up("a", 1, kNever, [done = answers.take("a")](const Result<NameLookup::Addresses>& found) {
            EXPECT_EQ(found->size(), 2U);
            done(found);
        });
    EXPECT_TRUE(eventually([&] { return answers.count("a") == 5; }));
}

TEST(NameLookup, AnAccountWithHangingNamesLeavesThreadsToOthers) {
    NameServers servers;
    Answers answers;
    NameLookup names(servers.look());
    for (int i = 0; i < 40; ++i)
        for (int twice = 0; twice < 2; ++twice) {
            const std::string host = "slow" + std::to_string(i);
            names.look_up(host, 1, kNever, answers.take(host));
        }
    ASSERT_TRUE(eventually([&] { return servers.asked("slow") == NameLookup::kThreads / 2; }));
    for (std::uint64_t other = 2; other < 5; ++other) {
        const std::string host = "quick" + std::to_string(other);
        names.look_up(host, other, kNever, answers.take(host));
        EXPECT_TRUE(eventually([&] { return answers.count(host) == 1; })) << other;
    }
    // Also where each of many accounts has its own.
    for (int i = 0; i < 3; ++i)
        names.look_up("slow-" + std::to_string(i), static_cast<std::uint64_t>(100 + i), kNever,
                      answers.take("more"));
    names.look_up("quick", 200, kNever, answers.take("quick"));
    EXPECT_TRUE(eventually([&] { return answers.count("quick") == 1; }));
    EXPECT_EQ(servers.asked("slow0"), 1) << "who waits for the same name waits for the same answer";
}

TEST(NameLookup, NamesThatWereSlowShareAFourth) {
    std::atomic<bool> is_over{false};
    std::atomic<int> running{0}, most{0};
    std::atomic<std::uint64_t> slow_ms{NameLookup::kSlowMs + 100};
    const auto look = [&](const std::string& host) -> Result<std::vector<std::string>> {
        if (!host.starts_with("slow")) return std::vector<std::string>{"127.0.0.1"};
        const int now = running.fetch_add(1) + 1;
        most.store(std::max(most.load(), now));
        for (std::uint64_t ms = 0; ms < slow_ms.load() && !is_over.load(); ms += 10)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        running.fetch_sub(1);
        return std::vector<std::string>{"127.0.0.1"};
    };
    Answers answers;
    {
        NameLookup names(look);
        const auto ask = [&] {
            for (int i = 0; i < 8; ++i)
                names.look_up("slow" + std::to_string(i), 1, kNever, answers.take("slow"));
        };
        ask();
        ASSERT_TRUE(eventually([&] { return answers.count("slow") == 8; }));
        EXPECT_GT(most.load(), static_cast<int>(NameLookup::kSlowThreads));
        most.store(0);
        slow_ms.store(200);
        ask();
        EXPECT_TRUE(eventually([&] { return answers.count("slow") == 16; }));
        EXPECT_EQ(most.load(), static_cast<int>(NameLookup::kSlowThreads));
        is_over.store(true);
    }
}

TEST(NameLookup, WhoHasGivenUpIsLeftOutAndQueuesEnd) {
    NameServers servers;
    Answers answers;
    NameLookup names(servers.look());
    for (std::size_t i = 0; i < NameLookup::kThreads / 2; ++i)
        names.look_up("slow" + std::to_string(i), 1, kNever, answers.take("slow"));
    ASSERT_TRUE(eventually([&] { return servers.asked("slow") == NameLookup::kThreads / 2; }));
    for (std::size_t i = 0; i < NameLookup::kWaitingPerAccount; ++i)
        names.look_up("late" + std::to_string(i), 1, 1, answers.take("late"));
    EXPECT_EQ(answers.count("late"), 0U);
    names.look_up("one more", 1, kNever, answers.take("one more"));
    ASSERT_EQ(answers.count("one more"), 1U);
    EXPECT_EQ(answers.last("one more"), ErrorCode::overloaded);
    names.look_up("quick", 2, kNever, answers.take("quick"));
    EXPECT_TRUE(eventually([&] { return answers.count("quick") == 1; }));
    EXPECT_EQ(servers.asked("late"), 0);
    names.close();
    names.look_up("quick", 2, kNever, answers.take("closed"));
    EXPECT_EQ(answers.last("closed"), ErrorCode::unavailable);
}

}  // namespace
}  // namespace kontor::transport

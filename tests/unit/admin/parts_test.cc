// The small parts by themselves: content negotiation, password rules, the worker threads.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>

#include "encoding.h"
#include "kontor/admin/limits.h"
#include "password.h"
#include "workers.h"

namespace kontor::admin {
namespace {

TEST(AcceptsEncoding, ReadsTheFieldAsTheRfcSays) {
    EXPECT_TRUE(accepts_encoding("gzip, deflate, br", "br"));
    EXPECT_TRUE(accepts_encoding("br", "br"));
    EXPECT_TRUE(accepts_encoding("BR;q=0.1", "br"));
    EXPECT_TRUE(accepts_encoding("*", "br"));
    EXPECT_TRUE(accepts_encoding("gzip;q=0, *", "br"));
    EXPECT_FALSE(accepts_encoding("", "br"));
    EXPECT_FALSE(accepts_encoding("identity", "br"));
    EXPECT_FALSE(accepts_encoding("br;q=0", "br"));
    EXPECT_FALSE(accepts_encoding("br;q=0.000, gzip", "br"));
    EXPECT_FALSE(accepts_encoding("brotli, x-br", "br"));
    EXPECT_FALSE(accepts_encoding("*;q=0", "br"));
    EXPECT_FALSE(accepts_encoding("br;q=0, *", "br")) << "named is stronger than *";
}

TEST(MatchesEtag, ListsWeakOnesAndStar) {
    EXPECT_TRUE(matches_etag(R"(W/"abc")", R"(W/"abc")"));
    EXPECT_TRUE(matches_etag(R"("abc")", R"(W/"abc")"));
    EXPECT_TRUE(matches_etag(R"("x", W/"abc")", R"(W/"abc")"));
    EXPECT_TRUE(matches_etag("*", R"(W/"abc")"));
    EXPECT_FALSE(matches_etag("", R"(W/"abc")"));
    EXPECT_FALSE(matches_etag(R"("abcd")", R"(W/"abc")"));
}

TEST(PasswordProblem, Rules) {
    const auto problem = [](std::string_view password) { return password_problem(password, "ada.lovelace"); };
    EXPECT_EQ(problem("elevenchars"), "password_too_short");
    EXPECT_EQ(problem("twelve chars"), "");
    EXPECT_EQ(problem("éééééééééééé"), "password_too_common") << "one character";
    EXPECT_EQ(problem("密码密码密码密码"), "password_too_short") << "8 characters, 24 bytes";
    EXPECT_EQ(problem(std::string(100, 'a') + std::string(28, 'b')), "");
    EXPECT_EQ(problem(std::string(100, 'a') + std::string(29, 'b')), "password_too_long");
    EXPECT_EQ(problem("aaaaaaaaaaaaaaa"), "password_too_common");
    EXPECT_EQ(problem("PassWord1234"), "password_too_common");
    EXPECT_EQ(problem("Ada.Lovelace1"), "password_too_common") << "the name and little else";
    EXPECT_EQ(problem("ada.lovelace and more"), "");
}

TEST(Workers, RunsInOrderRefusesWhenFullAndSurvivesAnException) {
    std::atomic<int> ran{0};
    std::promise<void> gate;
    const auto open = gate.get_future().share();
    Workers workers(1, 2);
    std::promise<void> begun;
    ASSERT_TRUE(workers.run([&] {
        begun.set_value();
        open.wait();
        ++ran;
        throw std::runtime_error("of this job only");
    }));
    begun.get_future().wait();
    EXPECT_TRUE(workers.run([&] { ++ran; }));
    EXPECT_TRUE(workers.run([&] { ++ran; }));
    EXPECT_FALSE(workers.run([&] { ++ran; })) << "two may wait";
    gate.set_value();
    for (int i = 0; i < 4000 && ran < 3; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(ran.load(), 3);
    workers.stop();
    EXPECT_FALSE(workers.run([&] { ++ran; }));
}

}  // namespace
}  // namespace kontor::admin

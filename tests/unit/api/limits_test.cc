// Rates and quotas: who is told to wait, how, and who is not.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "read_pool.h"
#include "shop.h"

namespace kontor::api {
namespace {

using testing::Answer;
using testing::kLiveKey;
using testing::kOtherKey;
using testing::kTestKey;
using testing::Shop;

// The clock stands still, so a limit of n lets 2 n requests through.
ApiLimits limits(std::uint64_t ApiLimits::*which, std::uint64_t value) {
    ApiLimits all;
    all.*which = value;
    return all;
}

void expect_told_to_wait(const Answer& answer, const std::string& limit) {
    EXPECT_EQ(answer.status, 429) << answer.text;
    EXPECT_EQ(answer.error().value("type", ""), "rate_limit_error");
    EXPECT_EQ(answer.error().value("code", ""), "rate_limit");
    EXPECT_EQ(answer.header("Retry-After"), "1");
    EXPECT_EQ(answer.header("Stripe-Should-Retry"), "true");
    EXPECT_EQ(answer.header("RateLimit-Limit"), limit);
    EXPECT_EQ(answer.header("RateLimit-Remaining"), "0");
    EXPECT_EQ(answer.header("RateLimit-Reset"), "2");
}

TEST(Limits, AreOffWhereNothingIsSaid) {
    Shop shop;
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(shop.get("/v1/balance").status, 200);
    EXPECT_EQ(shop.get("/v1/balance").header("RateLimit-Limit"), "");
}

TEST(Limits, OfAKey) {
    Shop shop(0, limits(&ApiLimits::per_key, 5));
    for (int i = 9; i >= 0; --i) {
        const Answer answer = shop.get("/v1/balance");
        ASSERT_EQ(answer.status, 200);
        EXPECT_EQ(answer.header("RateLimit-Limit"), "10");
        EXPECT_EQ(answer.header("RateLimit-Remaining"), std::to_string(i));
    }
    expect_told_to_wait(shop.get("/v1/balance"), "10");
    expect_told_to_wait(shop.post("/v1/customers"), "10");
    EXPECT_EQ(shop.get("/v1/balance", kLiveKey).status, 200);
    EXPECT_EQ(shop.get("/v1/openapi.json").status, 200);
}

TEST(Limits, OfAMerchantAreForAllItsKeys) {
    Shop shop(0, limits(&ApiLimits::per_merchant, 5));
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(shop.get("/v1/balance", kTestKey).status, 200);
        EXPECT_EQ(shop.get("/v1/balance", kLiveKey).status, 200);
    }
    expect_told_to_wait(shop.get("/v1/balance", kTestKey), "10");
    expect_told_to_wait(shop.get("/v1/balance", kLiveKey), "10");
    EXPECT_EQ(shop.get("/v1/balance", kOtherKey).status, 200);
}

TEST(Limits, OfARoute) {
    Shop shop(0, limits(&ApiLimits::per_route, 5));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(shop.get("/v1/balance").status, 200);
    expect_told_to_wait(shop.get("/v1/balance"), "10");
    EXPECT_EQ(shop.get("/v1/account").status, 200);
    EXPECT_EQ(shop.get("/v1/balance", kLiveKey).status, 200);
}

TEST(Limits, OfAnAddress) {
    Shop shop(0, limits(&ApiLimits::per_address, 5));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(shop.get("/v1/balance").status, 200);
    expect_told_to_wait(shop.get("/v1/balance", kOtherKey), "10");
    shop.peer = "::ffff:127.0.0.1";
    expect_told_to_wait(shop.get("/v1/balance"), "10");
    shop.peer = "127.0.0.2";
    EXPECT_EQ(shop.get("/v1/balance").status, 200);
}

TEST(Limits, OfWrongKeysLeaveRightOnesAlone) {
    Shop shop(0, limits(&ApiLimits::wrong_keys, 5));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(shop.get("/v1/balance", "sk_test_none").status, 401);
    expect_told_to_wait(shop.get("/v1/balance", "sk_test_other"), "10");
    expect_told_to_wait(shop.get("/v1/balance", ""), "10");
    EXPECT_EQ(shop.get("/v1/balance").status, 200);
    shop.peer = "127.0.0.2";
    EXPECT_EQ(shop.get("/v1/balance", "sk_test_none").status, 401);
}

// What is asked by the head alone, before a body is read.
int admitted(Shop& shop, std::string_view key) {
    http::Request head;
    head.method = "POST";
    head.path = "/v1/customers";
    head.peer_ip = shop.peer;
    head.headers.push_back({"Authorization", "Bearer " + std::string(key)});
    const http::Admission admission = shop.api->admit(head, true);
    return admission.refusal ? admission.refusal->status : 200;
}

TEST(Limits, HoldBeforeABodyIsRead) {
    Shop strangers(0, limits(&ApiLimits::wrong_keys, 5));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(admitted(strangers, "sk_test_none"), 401);
    EXPECT_EQ(admitted(strangers, "sk_test_none"), 429);
    EXPECT_EQ(strangers.get("/v1/balance", "sk_test_none").status, 429) << "one count for both ways";
    EXPECT_EQ(admitted(strangers, kTestKey), 200);
    for (const auto which : {&ApiLimits::per_address, &ApiLimits::per_key, &ApiLimits::per_route}) {
        Shop shop(0, limits(which, 5));
        for (int i = 0; i < 10; ++i) {
            EXPECT_EQ(admitted(shop, kTestKey), 200);
            EXPECT_EQ(shop.post("/v1/customers").status, 200) << "a request counts once";
        }
        EXPECT_EQ(admitted(shop, kTestKey), 429);
    }
}

// Where each look at the clock takes 2 ms, a read takes 4: it is looked at when it begins, when it is
// answered and when it ends.
TEST(Limits, OfExpensiveReadsCountTheirTimeAndLeaveOthersAlone) {
    Shop shop(0, limits(&ApiLimits::expensive_ms, 2));
    const std::string lists[] = {"/v1/payment_intents", "/v1/events?type=charge.*", "/v1/ledger/accounts",
                                 "/v1/balance_transactions"};
    for (int i = 0; i < 100; ++i) {
        const Answer answer = shop.get(lists[i % 4]);
        ASSERT_EQ(answer.status, 200) << "reads that take no time cost none";
        EXPECT_EQ(answer.header("RateLimit-Limit"), "4");
    }
    shop.clock.us_a_look = 2'000;
    EXPECT_EQ(shop.get("/v1/payment_intents").status, 200);
    shop.clock.us_a_look = 0;
    for (const std::string& list : lists) expect_told_to_wait(shop.get(list), "4");
    const auto look_up = [&](std::size_t ids) {
        testing::Json body = testing::Json::array();
        for (std::size_t i = 0; i < ids; ++i) body.push_back("00000000000000000000000000000001");
        return shop.send("POST", "/v1/ledger/accounts/lookup", body.dump(),
                         {{"Content-Type", "application/json"}});
    };
    EXPECT_NE(look_up(2).status, 429) << "a look-up of some ids is no list";
    expect_told_to_wait(look_up(1'000), "4");
    EXPECT_EQ(shop.get("/v1/balance").status, 200);
    EXPECT_EQ(shop.post("/v1/customers").status, 200);
    EXPECT_EQ(shop.get("/v1/payment_intents", kLiveKey).status, 200) << "the other mode has its own";
    EXPECT_EQ(shop.get("/v1/payment_intents", kOtherKey).status, 200);
    shop.clock.pass(2'000);
    EXPECT_EQ(shop.get("/v1/payment_intents").status, 200) << "paid off";
}

// However long each takes: with all of a thread's time, the time that passes pays for it.
TEST(Limits, NobodyWhoAsksForOneAfterTheOtherIsRefused) {
    for (const std::uint64_t us : {10, 700, 40'000, 3'000'000}) {
        Shop shop(0, limits(&ApiLimits::expensive_ms, 1'000));
        shop.clock.us_a_look = us;
        for (int i = 0; i < 1'000; ++i) ASSERT_EQ(shop.get("/v1/payment_intents").status, 200) << i;
    }
}

TEST(Limits, ExpensiveReadsAreDoneElsewhere) {
    ApiLimits all;
    all.expensive_threads = 1;
    Shop shop(0, all);
    http::Request request;
    request.method = "GET";
    request.path = "/v1/payment_intents";
    request.headers.push_back({"Authorization", "Bearer " + std::string(kTestKey)});
    std::atomic<int> status{0};
    std::thread::id done_on;
    shop.api->handle(std::move(request), [&](const http::Response& response) {
        done_on = std::this_thread::get_id();
        status = response.status;
    });
    for (int i = 0; i < 4'000 && status == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(status.load(), 200);
    EXPECT_NE(done_on, std::this_thread::get_id());
}

TEST(ReadPool, MerchantsTakeTurnsAndHaveAShare) {
    ReadPool pool(1);
    std::atomic<bool> started{false}, go{false};
    std::atomic<int> done{0};
    std::vector<std::uint64_t> order;  // the pool's one thread
    const auto hold = [&] {
        started = true;
        while (!go) std::this_thread::yield();
    };
    ASSERT_TRUE(pool.run({9, false}, {hold, [] {}}));
    while (!started) std::this_thread::yield();
    const auto add = [&](std::uint64_t merchant) {
        const auto run = [&order, &done, merchant] {
            order.push_back(merchant);
            ++done;
        };
        return pool.run({merchant, false}, {run, [] {}});
    };
    for (std::size_t i = 0; i < kReadsPerMerchant; ++i) ASSERT_TRUE(add(1));
    EXPECT_FALSE(add(1)) << "its share";
    ASSERT_TRUE(add(2));
    ASSERT_TRUE(add(3));
    go = true;
    const int all = static_cast<int>(kReadsPerMerchant) + 2;
    for (int i = 0; i < 4'000 && done < all; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    pool.stop();
    ASSERT_EQ(order.size(), static_cast<std::size_t>(all));
    EXPECT_EQ(std::vector<std::uint64_t>(order.begin(), order.begin() + 4),
              (std::vector<std::uint64_t>{1, 2, 3, 1}));
    EXPECT_FALSE(add(1)) << "after the end";
}

}  // namespace
}  // namespace kontor::api

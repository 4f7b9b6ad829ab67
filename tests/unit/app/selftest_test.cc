// What a self-test counts, against nodes that are a few lines of this file and can be told to lie.
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "kontor/base/clock.h"
#include "selftest_load.h"
#include "support/fake_client.h"

namespace kontor::app {
namespace {

using Json = nlohmann::json;

// The books that all nodes share.
struct Books {
    std::mutex mutex;
    std::set<std::string> transfers;
    std::uint64_t posted = 0, asked = 0;
    std::uint64_t forget_one_in = 0, twice_one_in = 0, busy_one_in = 0, lose_one_in = 0, wrong_one_in = 0;
    bool is_down = false;
};

class FakeNode final : public kontor_test::FakeClient {
 public:
    explicit FakeNode(Books& books)
        : FakeClient([this](const http::ClientRequest& request, const Done& done) {
              std::this_thread::sleep_for(std::chrono::microseconds(200));
              done(answer(request));
          }),
          books_(books) {}

 private:
    static http::ClientResponse ok(const Json& json) {
        return {200, {{"Kontor-Log-Index", "1aToken"}}, json.dump()};
    }
    static bool is_turn(std::uint64_t n, std::uint64_t one_in) { return one_in != 0 && n % one_in == 0; }

    Result<http::ClientResponse> answer(const http::ClientRequest& request) {
        const std::lock_guard lock(books_.mutex);
        const Json body = Json::parse(request.body, nullptr, false);
        if (request.url.ends_with("/v1/ledger/accounts")) return ok({{"object", "ledger.results"}});
        if (request.url.ends_with("/v1/ledger/transfers")) return transfer(body.at("id"));
        if (request.url.ends_with("/lookup")) {
            Json rows = Json::array();
            for (const auto& id : body.at("ids"))
                if (books_.transfers.contains(id)) rows.push_back({{"id", id}});
            return ok({{"transfers", rows}});
        }
        return ok({{"debits_posted", std::to_string(books_.posted)}});
    }
    Result<http::ClientResponse> transfer(const std::string& id) {
        if (books_.is_down) return fail(ErrorCode::unavailable, "down");
        const std::uint64_t n = ++books_.asked;
        if (is_turn(n, books_.busy_one_in)) return http::ClientResponse{503, {}, "{}"};
        if (is_turn(n, books_.wrong_one_in))
            return http::ClientResponse{400, {}, R"({"error":{"type":"odd"}})"};
        const bool is_new = !books_.transfers.contains(id);
        if (!is_turn(n, books_.forget_one_in)) {
            books_.transfers.insert(id);
            books_.posted += is_new || is_turn(n, books_.twice_one_in) ? 1 : 0;
            if (is_new && is_turn(n, books_.twice_one_in)) ++books_.posted;
        }
        if (is_turn(n, books_.lose_one_in)) return fail(ErrorCode::timeout, "lost");
        return ok({{"id", id}});
    }
    Books& books_;
};

struct Outcome {
    LoadCounts counts;
    StoredCounts stored;
};

class SelftestLoadTest : public ::testing::Test {
 protected:
    Outcome run(const std::function<void(SelftestLoad&)>& meanwhile = {}) {
        SelftestLoad load({{1, "https://one", ""}, {2, "https://two", ""}}, "sk_test_x", 3, 77,
                          [this](const SelftestTarget&) { return std::make_unique<FakeNode>(books); });
        EXPECT_TRUE(load.start());
        while (load.acknowledged() < 200) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (meanwhile) meanwhile(load);
        Outcome outcome;
        outcome.counts = load.stop(100);
        const auto stored = load.check(2);
        EXPECT_TRUE(stored) << stored.error().describe();
        EXPECT_EQ(load.check(3).error().code, ErrorCode::not_found);
        if (stored) outcome.stored = *stored;
        return outcome;
    }
    Books books;
};

TEST_F(SelftestLoadTest, HonestNodesHold) {
    const Outcome outcome = run();
    EXPECT_EQ(outcome.counts.acknowledged, outcome.stored.found);
    EXPECT_EQ(outcome.stored.missing, 0U);
    EXPECT_EQ(outcome.stored.duplicates, 0U);
    EXPECT_EQ(outcome.counts.wrong + outcome.counts.unresolved + outcome.counts.retryable, 0U);
    EXPECT_EQ(outcome.counts.recovered_us, -1);
}

TEST_F(SelftestLoadTest, WhatIsAcknowledgedAndForgottenIsMissing) {
    books.forget_one_in = 50;
    EXPECT_GE(run().stored.missing, 4U);
}

TEST_F(SelftestLoadTest, WhatIsPostedTwiceIsADuplicate) {
    books.twice_one_in = 50;
    const Outcome outcome = run();
    EXPECT_GE(outcome.stored.duplicates, 4U);
    EXPECT_EQ(outcome.stored.missing, 0U);
}

TEST_F(SelftestLoadTest, BusyNodesAndLostAnswersAreTriedAgainUnderTheSameId) {
    books.busy_one_in = 7;
    books.lose_one_in = 11;
    const Outcome outcome = run();
    EXPECT_GE(outcome.counts.retryable, 20U);
    EXPECT_EQ(outcome.counts.wrong, 0U);
    EXPECT_EQ(outcome.stored.missing, 0U);
    EXPECT_EQ(outcome.stored.duplicates, 0U);
    EXPECT_GE(outcome.stored.found, outcome.counts.acknowledged);
}

TEST_F(SelftestLoadTest, AnyOtherAnswerIsWrong) {
    books.wrong_one_in = 50;
    const Outcome outcome = run();
    EXPECT_GE(outcome.counts.wrong, 4U);
    EXPECT_TRUE(outcome.counts.first_wrong.starts_with("400 ")) << outcome.counts.first_wrong;
}

TEST_F(SelftestLoadTest, TheTimeToANewLeaderEndsWithATransferThatBeganAfterTheFailure) {
    const Outcome outcome = run([this](SelftestLoad& load) {
        {
            const std::lock_guard lock(books.mutex);
            books.is_down = true;
        }
        load.failed_at(system_clock().monotonic_us() + 1'000);
        std::this_thread::sleep_for(std::chrono::milliseconds(150));
        {
            const std::lock_guard lock(books.mutex);
            books.is_down = false;
        }
        const std::uint64_t before = load.acknowledged();
        while (load.acknowledged() < before + 100) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    EXPECT_GE(outcome.counts.recovered_us, 140'000);
    EXPECT_GE(outcome.counts.longest_us, 140'000U);
    EXPECT_EQ(outcome.stored.missing, 0U);
}

TEST_F(SelftestLoadTest, WhatIsNeverAnsweredIsUnresolved) {
    const Outcome outcome = run([this](SelftestLoad&) {
        const std::lock_guard lock(books.mutex);
        books.is_down = true;
    });
    EXPECT_GE(outcome.counts.unresolved, 1U);
    EXPECT_LE(outcome.counts.unresolved, 3U);  // one a thread
}

}  // namespace
}  // namespace kontor::app

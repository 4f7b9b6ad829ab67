// Which node answers (docs/adr/0007, "Any node answers").
#include "router.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "router_fixture.h"

namespace kontor::cluster::testing {
namespace {

TEST_F(RouterTest, TheLeaderAnswersAllItself) {
    leads = true;
    EXPECT_EQ(ask("POST").body, "here /v1/x");
    EXPECT_EQ(ask("GET").body, "here /v1/x");
    EXPECT_TRUE(asked.empty());
}

TEST_F(RouterTest, WritesGoToTheLeaderAsTheyCame) {
    answers.push_back(leaders(201));
    const auto got = ask("POST", {kKey, {"Authorization", "Bearer sk"}});
    EXPECT_EQ(got.status, 201);
    EXPECT_EQ(got.body, "leader");
    EXPECT_EQ(asked, std::vector<std::uint64_t>{1});
    EXPECT_EQ(last_request.method, "POST");
    EXPECT_EQ(last_request.body, "body");
    EXPECT_EQ(last_request.header("Authorization"), "Bearer sk");
    EXPECT_EQ(answered_here, 0);
}

TEST_F(RouterTest, ReadsAreAnsweredHereUnlessTheyWouldBeRefused) {
    EXPECT_EQ(ask("GET").body, "here /v1/x");
    EXPECT_TRUE(asked.empty());
    for (const int status : {400, 401, 403, 404, 409, 410, 412, 500, 503}) {
        local_status = status;
        answers.push_back(leaders(200, "the leader knows it"));
        EXPECT_EQ(ask("GET").body, "the leader knows it") << status;
    }
    for (const int status : {302, 304, 405, 406, 413}) {
        local_status = status;
        EXPECT_EQ(ask("GET").status, status);
    }
    local_status = 404;
    answers.push_back(leaders(404));
    EXPECT_EQ(ask("GET").status, 404) << "the leader says so, too";
}

TEST_F(RouterTest, ANodeThatHeardNothingForLongAsks) {
    staleness = 5'001;
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("GET").body, "leader");
    EXPECT_EQ(answered_here, 0);
    staleness = 5'000;
    EXPECT_EQ(ask("GET").body, "here /v1/x");
}

// It was stopped while it answered: what it read may be old by now.
TEST_F(RouterTest, WhoStoodStillWhileItAnsweredAsks) {
    for (const bool led : {true, false}) {
        leads = led;
        staleness = 10;
        after_local = [this] {
            leads = false;
            staleness = 20'000;
        };
        answers.push_back(leaders(200));
        EXPECT_EQ(ask("GET").body, "leader") << led;
        EXPECT_EQ(answered_here, led ? 1 : 2);
    }
    // A refusal of a write is an answer from a state, too; what was carried out is not.
    leads = true;
    local_status = 401;
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("POST", {{"Idempotency-Key", "k"}}).body, "leader");
    leads = true;
    local_status = 200;
    EXPECT_EQ(ask("POST", {{"Idempotency-Key", "k"}}).body, "here /v1/x");
}

TEST_F(RouterTest, MinIndexWaitsThenAsks) {
    EXPECT_EQ(ask("GET", {{"Kontor-Min-Index", at(100)}}).body, "here /v1/x");
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("GET", {{"Kontor-Min-Index", at(101)}}).body, "leader");
    // The leader has no such entry either: that is the answer, without asking it again.
    answers.push_back(broken(ErrorCode::conflict));
    asked.clear();
    EXPECT_EQ(ask("GET", {{"Kontor-Min-Index", at(101)}}).status, 503);
    EXPECT_EQ(asked.size(), 1U);
    leads = true;
    const auto future = ask("GET", {{"Kontor-Min-Index", at(101)}});
    EXPECT_EQ(future.status, 503);
    for (const std::string& wrong : {std::string("x"), std::string("-1"), std::string("100"), at(100) + " ",
                                     at(100).substr(1), "2" + at(100).substr(1), format_position({1, 100})}) {
        const auto refused = ask("GET", {{"Kontor-Min-Index", wrong}});
        EXPECT_EQ(refused.status, 400) << wrong;
        EXPECT_NE(refused.body.find("Kontor-Min-Index"), std::string::npos) << refused.body;
    }
}

TEST_F(RouterTest, TheLeaderKnowsForOthersWhatIsNotThere) {
    leads = true;
    const auto forwarded = [&](const char* method, std::uint64_t index) {
        http::Request request;
        request.method = method;
        request.path = "/v1/x";
        request.headers = {{"Kontor-Min-Index", at(index)}};
        std::promise<Result<std::string>> answer;
        router->serve_forwarded(encode_request(request),
                                [&](Result<std::string> got) { answer.set_value(std::move(got)); });
        return answer.get_future().get();
    };
    EXPECT_TRUE(forwarded("GET", 100));
    EXPECT_TRUE(forwarded("POST", 101));  // only reads look at it
    EXPECT_EQ(answered_here, 2);
    const auto beyond = forwarded("GET", 101);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().code, ErrorCode::conflict);
    EXPECT_EQ(answered_here, 2);
    // Counted until the thread that answered is done with it.
    while (router->for_others() != 0) std::this_thread::yield();
}

TEST_F(RouterTest, ALookUpInTheLedgerIsARead) {
    EXPECT_EQ(ask("POST", {}, "/v1/ledger/accounts/lookup").body, "here /v1/ledger/accounts/lookup");
    EXPECT_TRUE(asked.empty());
    // Also where this node thinks that it leads: it may have been replaced.
    leads = true;
    applied = 5;
    EXPECT_EQ(ask("POST", {{"Kontor-Min-Index", at(6)}}, "/v1/ledger/accounts/lookup").status, 503);
    leads = false;
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("POST", {}, "/v1/x/lookup").body, "leader") << "only the ledger's";
}

TEST_F(RouterTest, AnOverloadedOrTooSmallWayIsSaid) {
    answers.push_back(broken(ErrorCode::overloaded));
    EXPECT_EQ(ask("POST").status, 429);
    answers.push_back(broken(ErrorCode::too_large));
    EXPECT_EQ(ask("POST").status, 413);
    answers.push_back(std::string("\xff\xff"));
    EXPECT_EQ(ask("POST").status, 500);
}

// What would be the same again is not asked for again.
TEST_F(RouterTest, ARefusalOfTheWayIsFinal) {
    for (const auto& [code, status] :
         {std::pair(ErrorCode::unsupported, 503), std::pair(ErrorCode::invalid_argument, 500),
          std::pair(ErrorCode::permission_denied, 500)}) {
        asked.clear();
        answers.push_back(broken(code));
        answers.push_back(leaders(200, "asked twice"));
        EXPECT_EQ(ask("POST", {kKey}).status, status);
        EXPECT_EQ(asked.size(), 1U);
        answers.clear();
    }
}

TEST_F(RouterTest, ItBecomesTheLeaderWhileARequestLooksForOne) {
    leader = 2;  // this node, but not ready yet
    std::thread later([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        leads = true;
    });
    EXPECT_EQ(ask("POST").body, "here /v1/x");
    later.join();
}

TEST_F(RouterTest, ServesOthersOnlyAsTheLeader) {
    http::Request request;
    request.method = "POST";
    request.path = "/v1/x";
    std::mutex mutex;
    std::condition_variable changed;
    const auto serve = [&](const std::string& bytes) {
        std::optional<Result<std::string>> got;
        router->serve_forwarded(bytes, [&](Result<std::string> answer) {
            const std::lock_guard lock(mutex);
            got = std::move(answer);
            changed.notify_one();
        });
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return got.has_value(); });
        return *std::move(got);
    };
    EXPECT_EQ(serve(encode_request(request)).error().code, ErrorCode::unavailable);
    leads = true;
    const auto answer = serve(encode_request(request));
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(decode_response(*answer)->body, "here /v1/x");
    EXPECT_EQ(serve("\xff").error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace kontor::cluster::testing

// Reads that cost much go to a node with less to do: when, how many, and what happens when that one fails.
#include "balancer.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "kontor/crypto/public_id.h"
#include "kontor/telemetry/metrics.h"
#include "router.h"
#include "support/test_clock.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

// A position as clients have it.
std::string at(std::uint64_t index) {
    return format_position({kFirstGroup, index});
}

http::Request request_of(const std::string& method, const std::string& path, std::size_t body_bytes = 0) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.body.assign(body_bytes, 'b');
    return request;
}

TEST(Load, IsTheShareOfAllProcessorsOverAboutASecond) {
    std::uint64_t used = 5'000'000, now = 77'000'000;
    LoadMeter meter([&] { return used; }, 2);
    EXPECT_EQ(meter.look(now), 0U);
    const auto pass = [&](int looks, std::uint64_t used_of_100_ms) {
        std::uint32_t load = 0;
        for (int i = 0; i < looks; ++i) {
            used += used_of_100_ms;
            load = meter.look(now += 100'000);
        }
        return load;
    };
    EXPECT_NEAR(pass(50, 100'000), 500, 2);  // one of two
    EXPECT_NEAR(pass(50, 200'000), 1'000, 2);
    EXPECT_LT(pass(10, 0), 300U);
    EXPECT_LT(pass(50, 0), 2U);
    EXPECT_LE(pass(50, 900'000), kFullLoad) << "more than there are";
}

int picked_of_1000(Balancer& balancer, std::uint64_t node = 0) {
    int picked = 0;
    for (int i = 0; i < 1'000; ++i) {
        const auto helper = balancer.pick(0);
        if (!helper) continue;
        if (node == 0 || *helper == node) ++picked;
        balancer.ended(*helper, true, 0);
    }
    return picked;
}

TEST(Balancer, PassesNothingOnWithoutNeed) {
    Balancer balancer;
    EXPECT_EQ(picked_of_1000(balancer), 0);
    for (int i = 0; i < 20; ++i) balancer.look(kBusyLoad - 1, {{2, 0}}, 0);
    EXPECT_EQ(picked_of_1000(balancer), 0) << "it has little to do itself";
    for (int i = 0; i < 20; ++i) balancer.look(900, {{2, 900 - kClearlyLess + 1}}, 0);
    EXPECT_EQ(picked_of_1000(balancer), 0) << "the others have as much to do";
    for (int i = 0; i < 20; ++i) balancer.look(900, {}, 0);
    EXPECT_EQ(picked_of_1000(balancer), 0);
}

TEST(Balancer, TheShareGrowsHoldsAndShrinks) {
    Balancer balancer;
    balancer.look(600, {{2, 100}}, 0);
    EXPECT_NEAR(picked_of_1000(balancer), kShareStep, 1);
    balancer.look(600, {{2, 100}}, 0);
    EXPECT_NEAR(picked_of_1000(balancer), 2 * kShareStep, 1);
    balancer.look(500, {{2, 400}}, 0);
    EXPECT_NEAR(picked_of_1000(balancer), 2 * kShareStep, 1) << "between the two thresholds it stays";
    for (int i = 0; i < 20; ++i) balancer.look(1'000, {{2, 0}}, 0);
    EXPECT_NEAR(picked_of_1000(balancer), kMaxShare, 1);
    balancer.look(500, {{2, 480}}, 0);
    EXPECT_NEAR(picked_of_1000(balancer), kMaxShare - kShareStep, 1);
    for (int i = 0; i < 20; ++i) balancer.look(100, {{2, 0}}, 0);
    EXPECT_EQ(picked_of_1000(balancer), 0) << "nothing to do any more";
    for (int i = 0; i < 3; ++i) balancer.look(1'000, {{2, 0}}, 0);
    balancer.look(1'000, {}, 0);
    EXPECT_EQ(picked_of_1000(balancer), 0) << "nobody is left";
}

// A model of three equal nodes: all reads arrive at one. It settles, near the same load for all.
TEST(Balancer, Settles) {
    Balancer balancer;
    double own = 0, other = 0;
    int changes = 0;
    std::uint32_t before = 0;
    for (int look = 0; look < 200; ++look) {
        const double share = balancer.share() / 1'000.0;
        own += (150 + 700 * (1 - share) - own) * 0.5;  // what is measured follows with a delay
        other += (50 + 350 * share - other) * 0.5;
        const auto load = static_cast<std::uint32_t>(other);
        balancer.look(static_cast<std::uint32_t>(own), {{2, load}, {3, load}}, 0);
        if (look > 40 && balancer.share() != before) ++changes;
        before = balancer.share();
    }
    EXPECT_EQ(changes, 0) << "it does not swing";
    EXPECT_LT(std::abs(own - other), kClearlyLess);
    EXPECT_GT(picked_of_1000(balancer), 300);
}

TEST(Balancer, ThoseWithTheLeastToDoTakeTurns) {
    Balancer balancer;
    for (int i = 0; i < 10; ++i) balancer.look(900, {{2, 100}, {3, 120}, {4, 400}}, 0);
    EXPECT_NEAR(picked_of_1000(balancer, 2), kMaxShare / 2, 1);
    EXPECT_NEAR(picked_of_1000(balancer, 3), kMaxShare / 2, 1);
    EXPECT_EQ(picked_of_1000(balancer, 4), 0);
}

TEST(Balancer, WhoFailedIsLeftAloneForAWhile) {
    Balancer balancer;
    for (int i = 0; i < 10; ++i) balancer.look(900, {{2, 0}}, 0);
    std::optional<std::uint64_t> helper;
    while (!helper) helper = balancer.pick(0);
    balancer.ended(2, false, 0);
    EXPECT_EQ(picked_of_1000(balancer), 0) << "at once, not with the next look";
    balancer.look(900, {{2, 0}}, kSuspendedMs - 1);
    EXPECT_FALSE(balancer.pick(kSuspendedMs - 1));
    for (int i = 0; i < 10; ++i) balancer.look(900, {{2, 0}}, kSuspendedMs);
    EXPECT_GT(picked_of_1000(balancer), 0);
}

TEST(Balancer, WhatIsUnderWayIsBounded) {
    Balancer balancer;
    for (int i = 0; i < 10; ++i) balancer.look(900, {{2, 0}}, 0);
    std::size_t picked = 0;
    for (int i = 0; i < 10'000; ++i)
        if (balancer.pick(0)) ++picked;
    EXPECT_EQ(picked, kMaxPassedOn);
    balancer.ended(2, true, 0);
    for (int i = 0; i < 10; ++i)
        if (balancer.pick(0)) ++picked;
    EXPECT_EQ(picked, kMaxPassedOn + 1);
}

// Node 1 with all to do, and node 2.
class Busy : public ::testing::Test {
 protected:
    Busy() {
        Router::Parts parts;
        parts.leads = [this] { return leads.load(); };
        parts.leader = [] { return std::uint64_t{1}; };
        parts.staleness_ms = [this] { return staleness.load(); };
        parts.applied_index = [] { return std::uint64_t{70}; };
        parts.wait_applied = [this](std::uint64_t index, std::uint64_t, std::function<void(bool)> done) {
            done(applied.load() >= index);
        };
        parts.kind_of = [](const http::Request& request) {
            http::RequestKind kind;
            kind.is_read = kind.is_repeatable = request.method == "GET";
            kind.is_costly = kind.is_read && request.path == "/v1/charges";
            return kind;
        };
        parts.local = [this](http::Request request, http::Responder respond) {
            ++answered_here;
            most_costly = std::max(most_costly.load(), router->costly_reads());
            http::Response response;
            response.status = local_status.load();
            response.body = "here " + request.path;
            respond(std::move(response));
        };
        parts.call = [this](std::uint64_t to, std::uint16_t kind, std::string body, std::uint64_t,
                            peer::CallDone done) {
            EXPECT_EQ(to, 2U);
            EXPECT_EQ(kind, call_kind::balanced_read);
            ++passed;
            last = *decode_request(body);
            done(answer());
        };
        parts.node_no = 1;
        parts.may_answer_reads = [this] { return staleness.load() <= 5'000; };
        parts.clock = &clock;
        parts.metrics = &metrics;
        router = std::make_unique<Router>(std::move(parts));
        for (int i = 0; i < 10; ++i) router->balancer().look(900, {{2, 0}}, 1'000);
    }

    static Result<std::string> there(std::uint64_t log_index = 70) {
        http::Response response;
        response.headers = {{"Kontor-Log-Index", at(log_index)}};
        response.body = "there";
        return encode_response(std::move(response));
    }

    std::string ask(http::Request request) {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<std::string> got;
        router->handle(std::move(request), [&](http::Response response) {
            const std::lock_guard lock(mutex);
            got = response.status == 200 ? response.body : std::to_string(response.status);
            changed.notify_one();
        });
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return got.has_value(); });
        return *got;
    }

    Result<std::string> serve(const http::Request& request) {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Result<std::string>> got;
        router->serve_balanced(encode_request(request), [&](Result<std::string> one) {
            const std::lock_guard lock(mutex);
            got = std::move(one);
            changed.notify_one();
        });
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return got.has_value(); });
        return *std::move(got);
    }

    std::atomic<bool> leads{true};
    std::atomic<std::uint64_t> staleness{10}, applied{70};
    std::atomic<int> local_status{200}, answered_here{0}, passed{0};
    std::atomic<std::size_t> most_costly{0};
    std::function<Result<std::string>()> answer = [] { return there(); };
    http::Request last;
    kontor_test::HandClock clock;
    telemetry::Registry metrics;
    std::unique_ptr<Router> router;
};

TEST_F(Busy, CostlyReadsArePassedOnAndTheRestIsNot) {
    for (int i = 0; i < 100; ++i) {
        const std::string got = ask(request_of("GET", "/v1/charges"));
        EXPECT_TRUE(got == "there" || got == "here /v1/charges") << got;
    }
    EXPECT_EQ(passed, static_cast<int>(kMaxShare / 10));
    EXPECT_EQ(answered_here, 100 - passed);
    EXPECT_EQ(parse_position(last.header("Kontor-Min-Index")), (LogPosition{kFirstGroup, 70}))
        << "it shall know what this node knows";
    passed = 0;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(ask(request_of("GET", "/v1/charges/ch_1")), "here /v1/charges/ch_1");
        EXPECT_EQ(ask(request_of("POST", "/v1/charges")), "here /v1/charges");
    }
    EXPECT_EQ(passed, 0);
    EXPECT_EQ(router->costly_reads(), 0U);
    EXPECT_EQ(most_costly, 1U);
}

TEST_F(Busy, AFollowerPassesOnToo) {
    leads = false;
    for (int i = 0; i < 100; ++i) (void)ask(request_of("GET", "/v1/charges"));
    EXPECT_EQ(passed, static_cast<int>(kMaxShare / 10));
}

TEST_F(Busy, AGreaterMinIndexIsKept) {
    applied = 90;
    http::Request request = request_of("GET", "/v1/charges");
    request.headers = {{"kontor-min-index", at(85)}};
    while (passed == 0) (void)ask(request);
    EXPECT_EQ(parse_position(last.header("Kontor-Min-Index")), (LogPosition{kFirstGroup, 85}));
}

TEST_F(Busy, AfterAnyErrorThisNodeAnswers) {
    for (const ErrorCode code : {ErrorCode::unavailable, ErrorCode::timeout, ErrorCode::io,
                                 ErrorCode::unsupported, ErrorCode::overloaded, ErrorCode::too_large}) {
        router->balancer().look(900, {{2, 0}}, clock.monotonic_ms() + kSuspendedMs);  // forgiven
        for (int i = 0; i < 10; ++i) router->balancer().look(900, {{2, 0}}, clock.monotonic_ms());
        const int before = passed;
        answer = [code] { return Result<std::string>(fail(code, "no")); };
        for (int i = 0; i < 50; ++i)
            EXPECT_EQ(ask(request_of("GET", "/v1/charges")), "here /v1/charges") << i;
        EXPECT_EQ(passed, before + 1) << "then it is left alone";
    }
    router->balancer().look(900, {{2, 0}}, clock.monotonic_ms() + kSuspendedMs);
    answer = [] { return Result<std::string>("\xff\xff"); };
    const int before = passed;
    while (passed == before) EXPECT_EQ(ask(request_of("GET", "/v1/charges")), "here /v1/charges");
}

TEST_F(Busy, NobodySeesLessAfterwards) {
    answer = [] { return there(71); };  // the node that answers is ahead of this one
    while (passed == 0) EXPECT_EQ(ask(request_of("GET", "/v1/charges")), "here /v1/charges");
    applied = 71;
    while (passed == 1) (void)ask(request_of("GET", "/v1/charges"));
    std::string got;
    while (got != "there") got = ask(request_of("GET", "/v1/charges"));
}

TEST_F(Busy, AsTheOtherNodeItAnswersCostlyReadsOnly) {
    http::Request request = request_of("GET", "/v1/charges");
    request.headers = {{"Kontor-Min-Index", at(70)}};
    for (const bool leading : {true, false}) {
        leads = leading;
        const auto got = serve(request);
        ASSERT_TRUE(got) << got.error().describe();
        EXPECT_EQ(decode_response(*got)->body, "here /v1/charges");
    }
    EXPECT_EQ(passed, 0) << "never passed on twice";
    EXPECT_EQ(serve(request_of("GET", "/v1/charges/ch_1")).error().code, ErrorCode::unavailable);
    EXPECT_EQ(serve(request_of("POST", "/v1/charges")).error().code, ErrorCode::unavailable);
    request.headers = {{"Kontor-Min-Index", at(71)}};
    EXPECT_EQ(serve(request).error().code, ErrorCode::unavailable) << "behind";
    request.headers.clear();
    for (const int status : {400, 401, 403, 404, 500, 503}) {
        local_status = status;
        EXPECT_EQ(serve(request).error().code, ErrorCode::unavailable) << "it may be ignorance: " << status;
    }
    local_status = 200;
    staleness = 5'001;
    EXPECT_EQ(serve(request).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace kontor::cluster

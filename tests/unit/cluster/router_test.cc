// Which node answers: every rule of docs/adr/0007 "Any node answers", with a node and a leader made of
// functions.
#include "router.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "kontor/crypto/public_id.h"
#include "kontor/machine/outcome.h"
#include "kontor/telemetry/metrics.h"
#include "support/test_clock.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

// A position as clients have it.
std::string at(std::uint64_t index) {
    return format_position({kFirstGroup, index});
}

class Fixture : public ::testing::Test {
 protected:
    Fixture() {
        Router::Parts parts;
        parts.leads = [this] { return leads.load(); };
        parts.leader = [this] { return leader.load(); };
        parts.staleness_ms = [this] { return staleness.load(); };
        parts.wait_applied = [this](std::uint64_t index, std::uint64_t, std::function<void(bool)> done) {
            done(applied.load() >= index);
        };
        parts.kind_of = [](const http::Request& request) {
            http::RequestKind kind;
            kind.is_read = request.method == "GET" || request.path == "/v1/ledger/accounts/lookup";
            kind.is_repeatable = kind.is_read || (!request.path.starts_with("/admin") &&
                                                  !request.header("Idempotency-Key").empty());
            return kind;
        };
        parts.local = [this](http::Request request, http::Responder respond) {
            ++answered_here;
            http::Response response;
            response.status = local_status.load();
            response.outcome = local_outcome.load();
            response.body = "here " + request.path;
            if (after_local) after_local();
            respond(std::move(response));
        };
        parts.call = [this](std::uint64_t to, std::uint16_t kind, std::string body, std::uint64_t timeout_ms,
                            peer::CallDone done) {
            EXPECT_EQ(kind, call_kind::forward);
            asked.push_back(to);
            last_request = *decode_request(body);
            last_timeout_ms = timeout_ms;
            if (during_call) during_call();
            if (to == silent.load()) return unanswered.push_back(std::move(done));
            Result<std::string> answer = fail(ErrorCode::internal, "no answer planned");
            if (!answers.empty()) {
                answer = std::move(answers.front());
                answers.pop_front();
            }
            done(std::move(answer));
        };
        parts.node_no = 2;
        parts.may_answer_reads = [this] { return staleness.load() <= 5'000; };
        parts.clock = &clock;
        parts.metrics = &metrics;
        router = std::make_unique<Router>(std::move(parts));
    }

    static Result<std::string> leaders(int status, std::string body = "leader", std::uint32_t outcome = 0) {
        http::Response response;
        response.status = status;
        response.outcome = outcome;
        response.body = std::move(body);
        return encode_response(std::move(response));
    }
    static std::string header_of(const http::Response& response, std::string_view name) {
        for (const http::Header& header : response.headers)
            if (header.name == name) return header.value;
        return "";
    }
    static Result<std::string> broken(ErrorCode code) { return fail(code, "broken"); }

    http::Response ask(const std::string& method, std::vector<http::Header> headers = {},
                       const std::string& path = "/v1/x") {
        http::Request request;
        request.method = method;
        request.path = path;
        request.headers = std::move(headers);
        request.body = "body";
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<http::Response> got;
        router->handle(std::move(request), [&](http::Response response) {
            const std::lock_guard lock(mutex);
            EXPECT_FALSE(got.has_value()) << "answered twice";
            got = std::move(response);
            changed.notify_one();
        });
        std::unique_lock lock(mutex);
        // The clock of the test goes on while it waits.
        while (!got &&
               !changed.wait_for(lock, std::chrono::milliseconds(20), [&] { return got.has_value(); })) {
            clock.pass(100);
            if (const auto event = std::exchange(after_100_ms, nullptr)) event();
        }
        if (answering.joinable()) answering.join();
        return *std::move(got);
    }

    std::atomic<bool> leads{false};
    std::atomic<std::uint64_t> leader{1}, staleness{10}, applied{100};
    std::atomic<int> local_status{200}, answered_here{0};
    std::atomic<std::uint32_t> local_outcome{0};
    std::function<void()> after_local, after_100_ms, during_call;
    std::thread answering;
    std::vector<std::uint64_t> asked;
    std::deque<Result<std::string>> answers;
    std::atomic<std::uint64_t> silent{0};  // this node takes requests and does not answer
    std::vector<peer::CallDone> unanswered;
    http::Request last_request;
    std::uint64_t last_timeout_ms = 0;
    kontor_test::HandClock clock;
    telemetry::Registry metrics;
    std::unique_ptr<Router> router;
};

const http::Header kKey{"Idempotency-Key", "k1"};

TEST_F(Fixture, TheLeaderAnswersAllItself) {
    leads = true;
    EXPECT_EQ(ask("POST").body, "here /v1/x");
    EXPECT_EQ(ask("GET").body, "here /v1/x");
    EXPECT_TRUE(asked.empty());
}

TEST_F(Fixture, WritesGoToTheLeaderAsTheyCame) {
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

TEST_F(Fixture, ReadsAreAnsweredHereUnlessTheyWouldBeRefused) {
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

TEST_F(Fixture, ANodeThatHeardNothingForLongAsks) {
    staleness = 5'001;
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("GET").body, "leader");
    EXPECT_EQ(answered_here, 0);
    staleness = 5'000;
    EXPECT_EQ(ask("GET").body, "here /v1/x");
}

// It was stopped while it answered: what it read may be old by now.
TEST_F(Fixture, WhoStoodStillWhileItAnsweredAsks) {
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

TEST_F(Fixture, MinIndexWaitsThenAsks) {
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

TEST_F(Fixture, TheLeaderKnowsForOthersWhatIsNotThere) {
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

TEST_F(Fixture, WhatWasNotSentIsSentAgain) {
    answers.push_back(broken(ErrorCode::unavailable));
    answers.push_back(broken(ErrorCode::unavailable));
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("POST").status, 200) << "also without a key: nothing was done before";
    EXPECT_EQ(asked.size(), 3U);
}

TEST_F(Fixture, AnUnknownOutcomeIsRepeatedOnlyWithAKey) {
    for (const ErrorCode code : {ErrorCode::io, ErrorCode::timeout}) {
        asked.clear();
        answers.push_back(broken(code));
        const auto got = ask("POST");
        EXPECT_EQ(got.status, 503);
        EXPECT_NE(got.body.find("not known"), std::string::npos);
        EXPECT_EQ(header_of(got, "Stripe-Should-Retry"), "false");
        EXPECT_EQ(header_of(got, "Retry-After"), "1");
        EXPECT_EQ(asked.size(), 1U);
        answers.push_back(broken(code));
        answers.push_back(leaders(200));
        EXPECT_EQ(ask("POST", {kKey}).status, 200);
        EXPECT_EQ(asked.size(), 3U);
    }
}

// The operators' interface does not look at it.
TEST_F(Fixture, AKeyCountsWhereItIsHonoured) {
    answers.push_back(broken(ErrorCode::io));
    EXPECT_EQ(ask("POST", {kKey}, "/admin/api/merchants").status, 503);
    EXPECT_EQ(asked.size(), 1U);
    answers.push_back(broken(ErrorCode::io));
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("GET", {{"Kontor-Min-Index", at(101)}}, "/admin/api/merchants").status, 200);
    EXPECT_EQ(asked.size(), 3U);
}

TEST_F(Fixture, ARequestAtALeaderThatIsSilentGoesOnToTheNextOne) {
    silent = 1;
    answers.push_back(leaders(200, "of the next one"));
    after_100_ms = [this] { leader = 3; };
    EXPECT_EQ(ask("POST", {kKey}).body, "of the next one");
    EXPECT_EQ(asked, (std::vector<std::uint64_t>{1, 3}));
    ASSERT_EQ(unanswered.size(), 1U);
    unanswered.front()(leaders(200, "too late"));  // ask() fails when it is answered twice
}

TEST_F(Fixture, AKeyThatOurOwnEarlierAttemptHasIsWaitedFor) {
    const std::uint32_t in_use = machine::outcome::idempotency_in_use;
    answers.push_back(broken(ErrorCode::timeout));
    answers.push_back(leaders(409, "however it says so", in_use));
    answers.push_back(leaders(409, "however it says so", in_use));
    answers.push_back(leaders(200, "its end"));
    EXPECT_EQ(ask("POST", {kKey}).body, "its end");
    EXPECT_EQ(asked.size(), 4U);
    // Another request's key, and other conflicts, are the client's to know.
    asked.clear();
    answers.push_back(leaders(409, "", in_use));
    EXPECT_EQ(ask("POST", {kKey}).status, 409);
    answers.push_back(broken(ErrorCode::timeout));
    answers.push_back(leaders(409, R"({"error":{"code":"idempotency_key_in_use"}})"));
    EXPECT_EQ(ask("POST", {kKey}).status, 409) << "text decides nothing";
    EXPECT_EQ(asked.size(), 3U);
}

// The leader is lost, and this node is the next one: what it was sent before is now under way here.
TEST_F(Fixture, AKeyThatOurOwnEarlierAttemptHasIsWaitedForHereToo) {
    local_status = 409;
    local_outcome = machine::outcome::idempotency_in_use;
    during_call = [this] { leads = true; };
    after_100_ms = [this] {
        local_outcome = 0;
        local_status = 200;
    };
    answers.push_back(broken(ErrorCode::timeout));
    EXPECT_EQ(ask("POST", {kKey}).status, 200);
    EXPECT_EQ(asked.size(), 1U);
    EXPECT_GT(answered_here, 1);
}

TEST_F(Fixture, WhileTheLeaderIsTheSameItsAnswerIsAwaited) {
    silent = 1;
    after_100_ms = [this] {
        clock.pass(50'000);
        // Not on the thread that waits: it holds what the answer needs.
        answering = std::thread([done = std::move(unanswered.front())] { done(leaders(200, "slow")); });
    };
    EXPECT_EQ(ask("POST", {kKey}).body, "slow");
    EXPECT_EQ(asked, std::vector<std::uint64_t>{1});
}

TEST_F(Fixture, WithoutAKeyASilentLeadersAnswerIsAwaitedForAWhile) {
    silent = 1;
    after_100_ms = [this] { leader = 3; };
    const std::uint64_t begun = clock.monotonic_ms();
    const auto got = ask("POST");
    EXPECT_EQ(got.status, 503);
    EXPECT_NE(got.body.find("not known"), std::string::npos) << got.body;
    EXPECT_GE(clock.monotonic_ms() - begun, kLeaderWaitMs);
    EXPECT_EQ(asked, std::vector<std::uint64_t>{1});
}

TEST_F(Fixture, ALookUpInTheLedgerIsARead) {
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

TEST_F(Fixture, WithoutALeaderItSaysSoInTime) {
    leader = 0;
    const std::uint64_t begun = clock.monotonic_ms();
    const auto got = ask("POST", {kKey});
    EXPECT_EQ(got.status, 503);
    EXPECT_GE(clock.monotonic_ms() - begun, kLeaderWaitMs);
    EXPECT_LT(clock.monotonic_ms() - begun, kLeaderWaitMs + 1'000);
    EXPECT_TRUE(asked.empty());
    bool retry_after = false;
    for (const http::Header& header : got.headers) retry_after = retry_after || header.name == "Retry-After";
    EXPECT_TRUE(retry_after);
    EXPECT_NE(got.body.find("nothing was done"), std::string::npos);
}

// Whoever said 503 may have had it in its log, and the next leader may have committed it.
TEST_F(Fixture, WhatMayBeDoneIsNotCalledUndone) {
    const auto says_undone = [](const http::Response& got) {
        EXPECT_EQ(got.status, 503);
        return got.body.find("nothing was done") != std::string::npos;
    };
    // Of another node that led.
    answers.push_back(leaders(503));
    during_call = [this] { leader = 0; };
    EXPECT_FALSE(says_undone(ask("POST", {kKey})));
    // Of this one, asked by its client.
    leads = true;
    local_status = 503;
    after_local = [this] { leads = false; };
    EXPECT_FALSE(says_undone(ask("POST", {kKey})));
    // Of this one, which came to lead under way.
    leader = 2;
    after_100_ms = [this] { leads = true; };
    after_local = [this] {
        leads = false;
        leader = 0;
    };
    EXPECT_FALSE(says_undone(ask("POST", {kKey})));
    // A read does nothing, whoever answered it.
    leader = 1;
    answers.push_back(leaders(503));
    EXPECT_TRUE(says_undone(ask("GET")));
}

// An isolated leader that gave up after a while: what it tried itself is part of the time that a client
// waits.
TEST_F(Fixture, WhatItTriedAsTheLeaderCounts) {
    leads = true;
    leader = 0;
    local_status = 503;
    after_local = [this] {
        leads = false;
        clock.pass(kLeaderWaitMs);
    };
    const std::uint64_t begun = clock.monotonic_ms();
    EXPECT_EQ(ask("POST", {kKey}).status, 503);
    EXPECT_EQ(clock.monotonic_ms(), begun + kLeaderWaitMs) << "not a moment longer";
}

TEST_F(Fixture, WithoutALeaderForLongItSaysSoSoon) {
    leader = 0;
    staleness = kLeaderWaitMs + 1;
    const std::uint64_t begun = clock.monotonic_ms();
    const auto got = ask("POST", {kKey});
    EXPECT_EQ(got.status, 503);
    EXPECT_TRUE(std::any_of(got.headers.begin(), got.headers.end(),
                            [](const http::Header& header) { return header.name == "Retry-After"; }));
    EXPECT_LE(clock.monotonic_ms(), begun + kLeaderWaitMs / 4) << "nobody waits for long";
    // It stood still, and hears the others in a moment.
    after_100_ms = [this] { leader = 1; };
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("POST", {kKey}).body, "leader");
    leader = 0;
    // One that never heard of a leader has just been started: there will be one.
    staleness = replication::kNeverMs;
    after_100_ms = [this] { leader = 1; };
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("POST", {kKey}).body, "leader");
}

TEST_F(Fixture, AnOverloadedOrTooSmallWayIsSaid) {
    answers.push_back(broken(ErrorCode::overloaded));
    EXPECT_EQ(ask("POST").status, 429);
    answers.push_back(broken(ErrorCode::too_large));
    EXPECT_EQ(ask("POST").status, 413);
    answers.push_back(std::string("\xff\xff"));
    EXPECT_EQ(ask("POST").status, 500);
}

// What would be the same again is not asked for again.
TEST_F(Fixture, ARefusalOfTheWayIsFinal) {
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

// A leader that can be asked and never answers: the client has an end.
TEST_F(Fixture, ATripHasAnEnd) {
    const std::uint64_t begun = clock.monotonic_ms();
    std::atomic<bool> went_on{false};
    int looks = 0;
    const std::function<void()> look = [&] {
        if (++looks == 1) clock.pass(static_cast<std::int64_t>(begun + kMaxTripMs - clock.monotonic_ms()));
        if (looks == 50) {  // a second later
            went_on = true;
            leader = 0;
        }
        after_100_ms = look;
    };
    after_100_ms = look;
    const auto got = ask("POST", {kKey});  // no answer is planned: each attempt is lost
    EXPECT_FALSE(went_on);
    EXPECT_EQ(got.status, 503);
    EXPECT_NE(got.body.find("same Idempotency-Key"), std::string::npos) << got.body;
}

// No call may last longer than what is left.
TEST_F(Fixture, ACallMayTakeWhatIsLeft) {
    answers.push_back(leaders(200));
    ask("POST", {kKey});
    EXPECT_EQ(last_timeout_ms, kMaxTripMs);
    leader = 0;
    after_100_ms = [this] { leader = 1; };
    answers.push_back(leaders(200));
    const std::uint64_t begun = clock.monotonic_ms();
    ask("POST", {kKey});
    EXPECT_LE(last_timeout_ms, kMaxTripMs - 100);
    EXPECT_GE(last_timeout_ms, kMaxTripMs - (clock.monotonic_ms() - begun));
}

// The leader dies under its own request: with a key nobody notices.
TEST_F(Fixture, ALeaderThatCeasesToLeadPassesOn) {
    leads = true;
    local_status = 503;
    after_local = [this] { leads = false; };
    answers.push_back(leaders(200, "the next leader"));
    EXPECT_EQ(ask("POST", {kKey}).body, "the next leader");
    leads = true;
    EXPECT_EQ(ask("POST").status, 503) << "without a key it may have been done";
    leads = true;
    after_local = nullptr;
    EXPECT_EQ(ask("POST", {kKey}).status, 503) << "it still leads, so this is its answer";
}

// The log refuses or loses an entry a moment before the node says that it does not lead, or when it leads
// again.
TEST_F(Fixture, WhatItCouldNotDecideIsTriedAgainHereToo) {
    leads = true;
    local_status = 503;
    local_outcome = machine::outcome::undecided;
    const auto succeed_later = [this] {
        after_local = [this] {
            local_status = 200;
            local_outcome = 0;
        };
    };
    succeed_later();
    EXPECT_EQ(ask("POST").status, 503) << "without a key it may have been done";
    for (const char* method : {"POST", "GET"}) {
        local_status = 503;
        local_outcome = machine::outcome::undecided;
        EXPECT_EQ(ask(method, {kKey}).status, 200);
    }
    EXPECT_TRUE(asked.empty());
    after_local = [this] { clock.pass(kLeaderWaitMs); };
    local_status = 503;
    local_outcome = machine::outcome::undecided;
    EXPECT_EQ(ask("POST", {kKey}).body.find("nothing was done"), std::string::npos);
    router->set_node_no(0);
    answered_here = 0;
    after_local = nullptr;
    EXPECT_EQ(ask("POST", {kKey}).status, 503);
    EXPECT_EQ(answered_here, 1) << "there is nobody else, and it will not change its mind";
}

TEST_F(Fixture, ItBecomesTheLeaderWhileARequestLooksForOne) {
    leader = 2;  // this node, but not ready yet
    std::thread later([this] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        leads = true;
    });
    EXPECT_EQ(ask("POST").body, "here /v1/x");
    later.join();
}

TEST_F(Fixture, ServesOthersOnlyAsTheLeader) {
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
}  // namespace kontor::cluster

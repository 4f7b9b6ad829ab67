// What a client hears when the leader, or its answer, is lost: asked again, or told what is not known.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "kontor/machine/outcome.h"
#include "router_fixture.h"

namespace kontor::cluster::testing {
namespace {

TEST_F(RouterTest, WhatWasNotSentIsSentAgain) {
    answers.push_back(broken(ErrorCode::unavailable));
    answers.push_back(broken(ErrorCode::unavailable));
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("POST").status, 200) << "also without a key: nothing was done before";
    EXPECT_EQ(asked.size(), 3U);
}

TEST_F(RouterTest, AnUnknownOutcomeIsRepeatedOnlyWithAKey) {
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
TEST_F(RouterTest, AKeyCountsWhereItIsHonoured) {
    answers.push_back(broken(ErrorCode::io));
    EXPECT_EQ(ask("POST", {kKey}, "/admin/api/merchants").status, 503);
    EXPECT_EQ(asked.size(), 1U);
    answers.push_back(broken(ErrorCode::io));
    answers.push_back(leaders(200));
    EXPECT_EQ(ask("GET", {{"Kontor-Min-Index", at(101)}}, "/admin/api/merchants").status, 200);
    EXPECT_EQ(asked.size(), 3U);
}

TEST_F(RouterTest, ARequestAtALeaderThatIsSilentGoesOnToTheNextOne) {
    silent = 1;
    answers.push_back(leaders(200, "of the next one"));
    after_100_ms = [this] { leader = 3; };
    EXPECT_EQ(ask("POST", {kKey}).body, "of the next one");
    EXPECT_EQ(asked, (std::vector<std::uint64_t>{1, 3}));
    ASSERT_EQ(unanswered.size(), 1U);
    unanswered.front()(leaders(200, "too late"));  // ask() fails when it is answered twice
}

TEST_F(RouterTest, AKeyThatOurOwnEarlierAttemptHasIsWaitedFor) {
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
TEST_F(RouterTest, AKeyThatOurOwnEarlierAttemptHasIsWaitedForHereToo) {
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

TEST_F(RouterTest, WhileTheLeaderIsTheSameItsAnswerIsAwaited) {
    silent = 1;
    after_100_ms = [this] {
        clock.pass(50'000);
        // Not on the thread that waits: it holds what the answer needs.
        answering = std::thread([done = std::move(unanswered.front())] { done(leaders(200, "slow")); });
    };
    EXPECT_EQ(ask("POST", {kKey}).body, "slow");
    EXPECT_EQ(asked, std::vector<std::uint64_t>{1});
}

TEST_F(RouterTest, WithoutAKeyASilentLeadersAnswerIsAwaitedForAWhile) {
    silent = 1;
    after_100_ms = [this] { leader = 3; };
    const std::uint64_t begun = clock.monotonic_ms();
    const auto got = ask("POST");
    EXPECT_EQ(got.status, 503);
    EXPECT_NE(got.body.find("not known"), std::string::npos) << got.body;
    EXPECT_GE(clock.monotonic_ms() - begun, kLeaderWaitMs);
    EXPECT_EQ(asked, std::vector<std::uint64_t>{1});
}

TEST_F(RouterTest, WithoutALeaderItSaysSoInTime) {
    leader = 0;
    const std::uint64_t begun = clock.monotonic_ms();
    const auto got = ask("POST", {kKey});
    EXPECT_EQ(got.status, 503);
    EXPECT_GE(clock.monotonic_ms() - begun, kLeaderWaitMs);
    EXPECT_LT(clock.monotonic_ms() - begun, kMaxTripMs / 2) << "it waits for a leader, not for a trip's end";
    EXPECT_TRUE(asked.empty());
    bool retry_after = false;
    for (const http::Header& header : got.headers) retry_after = retry_after || header.name == "Retry-After";
    EXPECT_TRUE(retry_after);
    EXPECT_NE(got.body.find("nothing was done"), std::string::npos);
}

// A node that said 503 may have had it in its log, and the next leader may have committed it.
TEST_F(RouterTest, WhatMayBeDoneIsNotCalledUndone) {
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
    // A read does nothing, at any node.
    leader = 1;
    answers.push_back(leaders(503));
    EXPECT_TRUE(says_undone(ask("GET")));
}

// An isolated leader that gave up after a while: what it tried itself is part of the time that a client
// waits.
TEST_F(RouterTest, WhatItTriedAsTheLeaderCounts) {
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

TEST_F(RouterTest, WithoutALeaderForLongItSaysSoSoon) {
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

// A leader that can be asked and never answers: the client has an end.
TEST_F(RouterTest, ATripHasAnEnd) {
    const std::uint64_t begun = clock.monotonic_ms();
    std::atomic<bool> went_on{false};
    int looks = 0;
    const std::function<void()> look = [&] {
        if (++looks == 1) clock.pass(static_cast<std::int64_t>(begun + kMaxTripMs - clock.monotonic_ms()));
        if (looks == 500) {  // at least ten seconds later
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
TEST_F(RouterTest, ACallMayTakeWhatIsLeft) {
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
TEST_F(RouterTest, ALeaderThatCeasesToLeadPassesOn) {
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
TEST_F(RouterTest, WhatItCouldNotDecideIsTriedAgainHereToo) {
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

}  // namespace
}  // namespace kontor::cluster::testing

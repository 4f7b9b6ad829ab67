// The worker's deliveries of webhooks.
#include "kontor/outbox/worker.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/webhooks.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "pace.h"
#include "support/environment.h"
#include "support/fake_client.h"
#include "worker_fixture.h"

namespace kontor::outbox::testing {
namespace {

TEST_F(WorkerTest, DeliversTheEventSignedAndSaysSo) {
    const auto no = endpoint_at("/ok");
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return world_.delivered(no) == 1; }));
    const auto requests = receiver_.requests("/ok");
    ASSERT_EQ(requests.size(), 1U);
    const http::Request& request = requests[0];
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.header("Content-Type"), "application/json; charset=utf-8");
    EXPECT_EQ(request.header("Stripe-Signature"), webhook_signature(kSecret, kStart / 1000, request.body));
    const auto body = nlohmann::json::parse(request.body);
    EXPECT_EQ(body.at("type"), "customer.created");
    EXPECT_EQ(body.at("data").at("object").at("name"), "Ada");
    const auto rows = world_.deliveries(no);
    ASSERT_EQ(rows.size(), 1U);
    ASSERT_EQ(rows[0].attempts_size(), 1);
    EXPECT_EQ(rows[0].attempts(0).http_status(), 200U);
    EXPECT_EQ(rows[0].attempts(0).time_ms(), kStart);
    EXPECT_EQ(world_.last_merchant_no.load(), world_.merchant_no) << "the result is that merchant's";
}

TEST_F(WorkerTest, AFailureIsRecordedAndTriedAgainAfterItsBackOff) {
    const auto no = endpoint_at("/fail");
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return world_.deliveries(no).at(0).tries() == 1; }));
    const auto first = world_.deliveries(no).at(0);
    EXPECT_EQ(first.state(), pb::DELIVERY_PENDING);
    EXPECT_EQ(first.attempts(0).http_status(), 500U);
    EXPECT_GE(first.next_try_ms(), kStart + 5'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(receiver_.count("/fail"), 1U) << "before its time";
    receiver_.fail_status = 204;
    clock_.set_wall(first.next_try_ms());
    ASSERT_TRUE(eventually([&] { return world_.delivered(no) == 1; }));
    EXPECT_EQ(receiver_.count("/fail"), 2U);
}

// A lack of descriptors here is not the receiver's failure.
TEST_F(WorkerTest, WhatThisMachineHadNoRoomForTakesNoTry) {
    const auto no = endpoint_at("/ok");
    std::atomic<int> lacking_for{3};
    std::atomic<std::uint64_t> account{0};
    kontor_test::FakeClient scarce([&](http::ClientRequest request, kontor_test::FakeClient::Done done) {
        account = request.account;
        if (lacking_for.fetch_sub(1) > 0) return done(fail(ErrorCode::overloaded, "too many open files"));
        client_->send(std::move(request), std::move(done));
    });
    WorkerOptions mine = options();
    mine.client = &scarce;
    start(mine);
    world_.customer("Ada");
    world_.customer("Bob");
    ASSERT_TRUE(eventually([&] { return world_.delivered(no) == 2; }));
    for (const auto& one : world_.deliveries(no)) {
        EXPECT_EQ(one.tries(), 1U);
        EXPECT_EQ(one.attempts_size(), 1);
    }
    EXPECT_EQ(account.load(), world_.merchant_no);
    const std::string text = metrics_.text();
    EXPECT_NE(text.find(R"(kontor_webhook_deliveries_total{outcome="put_off"} 3)"), std::string::npos)
        << text;
    EXPECT_NE(text.find("kontor_webhook_window "), std::string::npos) << text;
    EXPECT_NE(text.find("kontor_webhook_leashed 0"), std::string::npos) << text;
    worker_.reset();
}

// Fewer calls than there are places, and more than the window lets begin.
TEST_F(WorkerTest, ReceiversThatHangTakeNoWindowFromAnotherMerchant) {
    std::atomic<std::size_t> hanging{0};  // receivers at /hang accept, and nothing ever comes from them
    kontor_test::FakeClient client([&](http::ClientRequest request, kontor_test::FakeClient::Done done) {
        if (request.url.find("/hang") == std::string::npos)
            return client_->send(std::move(request), std::move(done));
        ++hanging;
    });
    WorkerOptions mine = options();
    mine.client = &client;
    constexpr std::size_t kEndpoints = 15, kEvents = 6;
    for (std::size_t i = 0; i < kEndpoints; ++i) endpoint_at("/hang" + std::to_string(i));
    start(mine);
    for (std::size_t i = 0; i < kEvents; ++i) world_.customer("one");
    ASSERT_TRUE(eventually([&] { return hanging >= Pace::kFirstWindow / 2; }));
    world_.merchant_no = world_.merchant();
    const auto other = endpoint_at("/ok");
    world_.customer("two");
    EXPECT_TRUE(eventually([&] { return world_.delivered(other) == 1; }));
    EXPECT_TRUE(eventually([&] { return hanging == kEndpoints * kEvents; }))
        << "what hangs leaves the window to what is young";
    worker_.reset();
}

TEST_F(WorkerTest, ARedirectIsNoDelivery) {
    const auto no = endpoint_at("/fail");
    receiver_.fail_status = 302;
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return world_.deliveries(no).at(0).tries() == 1; }));
    EXPECT_EQ(world_.deliveries(no).at(0).state(), pb::DELIVERY_PENDING);
}

TEST_F(WorkerTest, NobodyListeningIsAnErrorWithWords) {
    const auto no = endpoint("https://127.0.0.1:1/hooks");
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return world_.deliveries(no).at(0).tries() == 1; }));
    const auto row = world_.deliveries(no).at(0);
    EXPECT_EQ(row.attempts(0).http_status(), 0U);
    EXPECT_FALSE(row.attempts(0).error().empty());
    EXPECT_GE(row.next_try_ms(), kStart + 5'000);
}

TEST_F(WorkerTest, ASecretThatCannotBeOpenedBacksOffAndSendsNothing) {
    const crypto::Sealer other(crypto::Secret(std::string(32, 'o')));
    const auto no = world_.endpoint(receiver_.url("/ok"), other.seal(kSecret, "webhook-secret"));
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return world_.deliveries(no).at(0).tries() == 1; }));
    EXPECT_GE(world_.deliveries(no).at(0).next_try_ms(), kStart + 5'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(world_.deliveries(no).at(0).tries(), 1U) << "it has to wait like any other failure";
    EXPECT_EQ(receiver_.count("/ok"), 0U);
}

// Scans begin where the last one found something: here at a row that became due by a clock that went back
// then.
TEST_F(WorkerTest, AClockThatWentBackHidesNothing) {
    const auto no = endpoint_at("/fail");
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return world_.deliveries(no).at(0).tries() == 1; }));
    world_.overloaded_for = 1'000'000;  // the state's own time stays where it is
    clock_.set_wall(world_.deliveries(no).at(0).next_try_ms());
    ASSERT_TRUE(eventually([&] { return receiver_.count("/fail") == 2; }));
    clock_.set_wall(kStart + 1);
    world_.customer("Bob");
    EXPECT_TRUE(eventually([&] { return receiver_.count("/fail") == 3; }));
    world_.overloaded_for = 0;
}

TEST_F(WorkerTest, ASlowEndpointHoldsUpNobody) {
    const auto slow = endpoint_at("/hold");
    const auto healthy = endpoint_at("/ok");
    WorkerOptions few = options();
    few.max_deliveries_per_endpoint = 2;
    start(few);
    for (int i = 0; i < 10; ++i) world_.customer("c" + std::to_string(i));
    ASSERT_TRUE(eventually([&] { return world_.delivered(healthy) == 10; }));
    EXPECT_EQ(receiver_.count("/hold"), 2U);
    EXPECT_EQ(world_.delivered(slow), 0U);
    ASSERT_TRUE(eventually([&] {
        receiver_.release();
        return world_.delivered(slow) == 10;
    }));
}

TEST_F(WorkerTest, ALongBacklogHidesNobody) {
    const auto slow = endpoint_at("/hold");
    for (int i = 0; i < 2'500; ++i) world_.customer("backlog");
    const auto healthy = endpoint_at("/ok");
    WorkerOptions one = options();
    one.max_deliveries_per_endpoint = 1;
    start(one);
    world_.customer("late");
    ASSERT_TRUE(eventually([&] { return receiver_.count("/ok") == 1; }))
        << "more rows than one look takes in lie before it";
    ASSERT_TRUE(eventually([&] { return world_.delivered(healthy) == 1; }));
    EXPECT_EQ(receiver_.count("/hold"), 1U);
    EXPECT_EQ(world_.delivered(slow), 0U);
}

TEST_F(WorkerTest, AnIntentionIsNeverUnderWayTwice) {
    endpoint_at("/hold");
    start();
    world_.customer("first");
    ASSERT_TRUE(eventually([&] { return receiver_.count("/hold") == 1; }));
    for (int i = 0; i < 5; ++i) world_.customer("wakes the worker");  // 6 of 8 may be in flight
    ASSERT_TRUE(eventually([&] { return receiver_.count("/hold") == 6; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(150));  // several polls
    std::set<std::string> bodies;
    for (const auto& request : receiver_.requests("/hold"))
        EXPECT_TRUE(bodies.insert(request.body).second) << request.body;
    EXPECT_EQ(bodies.size(), 6U);
}

TEST_F(WorkerTest, AResultThatIsRefusedIsProposedAgain) {
    const auto no = endpoint_at("/ok");
    world_.overloaded_for = 3;
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return world_.delivered(no) == 1; }));
    EXPECT_EQ(world_.submitted.load(), 4);
    EXPECT_EQ(receiver_.count("/ok"), 1U) << "what was delivered is not delivered again";
}

TEST_F(WorkerTest, ADisabledEndpointGetsNothing) {
    const auto no = endpoint_at("/ok");
    world_.customer("before");
    pb::Command disable = world_.mine();
    mutable_body(disable, pb::update_webhook_endpoint)->set_no(no);
    mutable_body(disable, pb::update_webhook_endpoint)->set_disabled(true);
    world_.run(disable);
    start();
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    EXPECT_EQ(receiver_.count("/ok"), 0U);
}

TEST_F(WorkerTest, StopDoesNotWaitForAReceiverThatNeverAnswers) {
    const auto no = endpoint_at("/hold");
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return receiver_.count("/hold") == 1; }));
    const std::uint64_t before = system_clock().monotonic_ms();
    worker_->stop();
    EXPECT_LT(system_clock().monotonic_ms() - before, kontor_test::patient_ms(10'000))
        << "the delivery's own time-out is 20 s";
    worker_.reset();
    receiver_.release();  // the answer comes to a worker that is gone
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(world_.deliveries(no).at(0).tries(), 0U);
    start();  // the next one does it again
    ASSERT_TRUE(eventually([&] { return receiver_.count("/hold") == 2; }));
}

TEST_F(WorkerTest, WhatEndsWhileStoppingIsStillTold) {
    const auto no = endpoint_at("/hold");
    start();
    world_.customer("Ada");
    ASSERT_TRUE(eventually([&] { return receiver_.count("/hold") == 1; }));
    std::thread late([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        receiver_.release();
    });
    worker_->stop();
    late.join();
    EXPECT_EQ(world_.delivered(no), 1U);
}

}  // namespace
}  // namespace kontor::outbox::testing

// When a command is answered: once, at the end of what it waits for, or when nobody can wait any longer.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "domains/attempts/attempts.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/payments.pb.h"
#include "node_fixture.h"
#include "support/eventually.h"

namespace kontor::node::testing {
namespace {

using kontor_test::eventually;

TEST_F(NodeTest, TheSameKeyTwiceAtOnceActsOnce) {
    start();
    const auto shop = merchant("Shop");
    pb::Command command = customer(shop, "once");
    command.set_idempotency_key("key");
    command.set_params_hash(std::string(32, 'h'));
    constexpr std::size_t kTries = 20;
    std::vector<std::unique_ptr<Awaited>> all;
    for (std::size_t i = 0; i < kTries; ++i) {
        all.push_back(std::make_unique<Awaited>());
        node_->submit(command, all.back()->done());
    }
    std::size_t fresh = 0;
    for (const auto& one : all) {
        const Outcome outcome = one->wait();
        ASSERT_TRUE(outcome.first);
        const pb::Result& result = *outcome.first;
        EXPECT_EQ(result.outcome(), machine::outcome::ok) << "all get the first one's answer";
        if (!result.replayed()) ++fresh;
    }
    EXPECT_EQ(fresh, 1U);
    EXPECT_EQ(customers(shop), 1U);
}

TEST_F(NodeTest, ARequestWaitsForItsChannelAndGetsTheEnd) {
    start();
    const auto shop = merchant("Shop");
    open_sandbox();
    Awaited payment;
    node_->submit(card_payment(shop), payment.done());
    std::vector<machine::Due> due;
    ASSERT_TRUE(eventually([&] {
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            due = attempts::due_attempts(rows, INT64_MAX, 10);
        });
        return due.size() == 1;
    }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(payment.arrived());
    pb::Command answer;
    mutable_body(answer, pb::channel_answered)->set_attempt_no(due[0].no);
    mutable_body(answer, pb::channel_answered)->set_state(pb::ATTEMPT_SUCCEEDED);
    mutable_body(answer, pb::channel_answered)->set_channel_reference("ref");
    ASSERT_TRUE(run(answer).first);
    const Outcome outcome = payment.wait();
    ASSERT_TRUE(outcome.first);
    EXPECT_EQ(object_in(*outcome.first, pb::payment_intent).status(), pb::SUCCEEDED);
}

TEST_F(NodeTest, AChannelThatIsSlowGivesTheInterimAnswer) {
    NodeOptions impatient = options();
    impatient.channel_wait_ms = 100;
    start(std::move(impatient));
    const auto shop = merchant("Shop");
    open_sandbox();
    const Outcome outcome = run(card_payment(shop));
    ASSERT_TRUE(outcome.first);
    EXPECT_EQ(object_in(*outcome.first, pb::payment_intent).status(), pb::PROCESSING);
}

TEST_F(NodeTest, StopAnswersWhoStillWaitsAndRefusesTheRest) {
    start();
    const auto shop = merchant("Shop");
    open_sandbox();
    Awaited payment;
    node_->submit(card_payment(shop), payment.done());
    ASSERT_TRUE(eventually([&] {
        std::size_t due = 0;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            due = attempts::due_attempts(rows, INT64_MAX, 10).size();
        });
        return due == 1;
    }));
    node_->stop();
    const Outcome outcome = payment.wait();
    ASSERT_TRUE(outcome.first) << "the payment is committed: its state is known";
    EXPECT_EQ(object_in(*outcome.first, pb::payment_intent).status(), pb::PROCESSING);
    EXPECT_FALSE(node_->ready());
    Awaited late;
    node_->submit(customer(shop, "late"), late.done());
    ASSERT_TRUE(late.wait().second);
    EXPECT_EQ(late.wait().second->code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace kontor::node::testing

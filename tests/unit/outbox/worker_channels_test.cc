// The worker's calls to channels.
#include <gtest/gtest.h>

#include "connectors/all.h"
#include "connectors/sandbox/sandbox.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/machine/make.h"
#include "kontor/outbox/worker.h"
#include "kontor/payments_bodies.pb.h"
#include "patient_channel.h"
#include "support/sandbox_account.h"
#include "worker_fixture.h"

namespace kontor::outbox::testing {
namespace {

// A leader that stood still begins nothing before it knows that it still is one.
TEST_F(WorkerTest, NothingBeginsWhileItIsNotKnownWhoLeads) {
    const auto no = endpoint_at("/ok");
    PatientChannel channel;
    std::atomic<bool> leads{false};
    WorkerOptions mine = options();
    mine.connectors = kPatientOnly;
    mine.channel_client = &channel;
    std::atomic<unsigned> looks{0};
    mine.leadership = [&] { return ++looks, leads ? kAlone : 0; };
    start(mine);
    world_.customer("Ada");
    world_.card_payment("pm_card_visa");
    const unsigned looked = looks.load();
    ASSERT_TRUE(eventually([&] { return looks.load() >= looked + 3; }));
    EXPECT_EQ(receiver_.count("/ok"), 0U);
    EXPECT_EQ(channel.asked(), 0U);
    leads = true;
    EXPECT_TRUE(eventually([&] { return world_.delivered(no) >= 1 && channel.asked() == 1; }));
    worker_.reset();
}

TEST_F(WorkerTest, AsksTheChannelAndProposesItsAnswer) {
    WorkerOptions with = options();
    with.connectors = connectors::all();
    start(with);
    const auto paid = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
    const auto declined = object_in(world_.card_payment("pm_card_chargeDeclined"), pb::payment_intent).no();
    ASSERT_TRUE(eventually([&] { return world_.attempts(paid).at(0).state() == pb::ATTEMPT_SUCCEEDED; }));
    ASSERT_TRUE(eventually([&] { return world_.attempts(declined).at(0).state() == pb::ATTEMPT_FAILED; }));
    EXPECT_EQ(world_.attempts(declined).at(0).error().code(), "card_declined");
    EXPECT_FALSE(world_.attempts(declined).at(0).error().message().empty());
}

TEST_F(WorkerTest, AnUnknownOutcomeIsAskedAgainWithTheSameReference) {
    PatientChannel channel;
    WorkerOptions with = options();
    with.connectors = kPatientOnly;
    with.channel_client = &channel;
    start(with);
    const auto no = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
    ASSERT_TRUE(eventually([&] { return channel.asked() == 1; }));
    channel.answer_all(connectors::Answer{});
    ASSERT_TRUE(eventually([&] { return world_.attempts(no).at(0).state() == pb::ATTEMPT_UNKNOWN; }));
    const auto attempt = world_.attempts(no).at(0);
    EXPECT_GE(attempt.next_try_ms(), kStart + 2'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(channel.asked(), 1U);
    clock_.set_wall(attempt.next_try_ms());
    ASSERT_TRUE(eventually([&] { return channel.asked() == 2; }));
    EXPECT_EQ(channel.orders[0].reference, channel.orders[1].reference);
    EXPECT_EQ(channel.orders[1].earlier_tries, 1U);
    channel.answer_all(connectors::succeeded("ref"));
    ASSERT_TRUE(eventually([&] { return world_.attempts(no).at(0).state() == pb::ATTEMPT_SUCCEEDED; }));
}

TEST_F(WorkerTest, AChannelThatHangsLeavesRoomForOthers) {
    PatientChannel channel;
    WorkerOptions with = options();
    with.connectors = kPatientOnly;
    with.channel_client = &channel;
    with.max_channel_calls_in_flight = 8;
    start(with);
    for (int i = 0; i < 12; ++i) world_.card_payment("pm_card_visa");
    ASSERT_TRUE(eventually([&] { return channel.asked() == 4; })) << "an account alone has half";
    pb::Command second =
        kontor_test::open_sandbox(connectors::sandbox::draw(std::string(32, 'm')).seal(sealer_));
    world_.run(second);
    pb::Command route;
    auto& entry = *mutable_body(route, pb::set_channel_routes)->add_entries();
    entry.set_method("card");
    entry.set_account_no(2);
    world_.run(route);
    world_.card_payment("pm_card_visa");
    ASSERT_TRUE(eventually([&] { return channel.asked() == 5; }));
    EXPECT_TRUE(channel.orders.back().door_url.ends_with("/channels/sandbox/2"));
    channel.answer_all(connectors::succeeded("ref"));
    ASSERT_TRUE(eventually([&] { return channel.asked() == 9; })) << "and goes on when it answers";
}

TEST_F(WorkerTest, NothingCameIsNotKnown) {
    PatientChannel channel;
    WorkerOptions with = options();
    with.connectors = kPatientOnly;
    with.channel_client = &channel;
    start(with);
    const auto no = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
    ASSERT_TRUE(eventually([&] { return channel.asked() == 1; }));
    channel.lose_all();
    ASSERT_TRUE(eventually([&] { return world_.attempts(no).at(0).state() == pb::ATTEMPT_UNKNOWN; }));
}

TEST_F(WorkerTest, AChannelThatIsNotThereIsAskedForLater) {
    start();
    const auto no = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
    ASSERT_TRUE(eventually([&] { return world_.attempts(no).at(0).state() == pb::ATTEMPT_UNKNOWN; }));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(world_.attempts(no).at(0).tries(), 1U);
}

TEST_F(WorkerTest, AChannelsWordsCannotBreakTheLog) {
    PatientChannel channel;
    WorkerOptions with = options();
    with.connectors = kPatientOnly;
    with.channel_client = &channel;
    start(with);
    const auto no = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
    ASSERT_TRUE(eventually([&] { return channel.asked() == 1; }));
    channel.answer_all(connectors::failed({"card_error", "card_declined", {}, "kaputt \xFF\xC3 zu"}));
    ASSERT_TRUE(eventually([&] { return world_.attempts(no).at(0).state() == pb::ATTEMPT_FAILED; }));
    EXPECT_EQ(world_.attempts(no).at(0).error().message(), "kaputt ?? zu");
}

TEST_F(WorkerTest, AnAnswerAfterTheWorkersEndTouchesNothing) {
    PatientChannel channel;
    WorkerOptions with = options();
    with.connectors = kPatientOnly;
    with.channel_client = &channel;
    start(with);
    const auto no = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
    ASSERT_TRUE(eventually([&] { return channel.asked() == 1; }));
    worker_.reset();
    channel.answer_all(connectors::succeeded("ref"));
    EXPECT_EQ(world_.attempts(no).at(0).state(), pb::ATTEMPT_WAITING);
}

class Askable : public WorkerTest {
 protected:
    ~Askable() override { worker_.reset(); }
    void start_asking() {
        WorkerOptions with = options();
        with.connectors = kAskableOnly;
        with.channel_client = &channel_;
        with.leadership = [this] { return ++looks_, leads_ ? term_.load() : 0; };
        looks_ = 0;
        start(std::move(with));
        // At its second look the worker knows since when it leads: what comes now is new.
        EXPECT_TRUE(eventually([&] { return looks_.load() >= 2; }));
    }
    // A sale that was sent, whose answer was lost, and about which the channel is being asked.
    std::uint64_t asked_about() {
        start_asking();
        const auto no = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
        EXPECT_TRUE(eventually([&] { return channel_.asked() == 1; }));
        channel_.lose_all();
        EXPECT_TRUE(eventually([&] { return attempt_of(no).state() == pb::ATTEMPT_UNKNOWN; }));
        clock_.set_wall(attempt_of(no).next_try_ms());
        EXPECT_TRUE(eventually([&] { return channel_.queried() == 1; }));
        EXPECT_EQ(channel_.asked(), 1U);
        EXPECT_EQ(channel_.queries[0].reference, channel_.orders[0].reference);
        return no;
    }
    pb::ChannelAttempt attempt_of(std::uint64_t intent_no) { return world_.attempts(intent_no).at(0); }
    void notify(const pb::ChannelAttempt& attempt, pb::AttemptState state) {
        pb::Command command = machine::new_command(pb::Actor::CHANNEL);
        auto& notified = *mutable_body(command, pb::channel_notified);
        notified.set_account_no(attempt.account_no());
        notified.set_notice_id("a notice");
        notified.mutable_answer()->set_attempt_no(attempt.no());
        notified.mutable_answer()->set_state(state);
        world_.run(std::move(command));
    }

    PatientChannel channel_;
    std::atomic<bool> leads_{true};
    std::atomic<std::uint64_t> term_{1};
    std::atomic<unsigned> looks_{0};
};

TEST_F(Askable, WhatMayHaveBeenSentIsAskedAboutAndNotSentAgain) {
    const auto no = asked_about();
    channel_.answer_all(connectors::succeeded("ref"));
    ASSERT_TRUE(eventually([&] { return attempt_of(no).state() == pb::ATTEMPT_SUCCEEDED; }));
    EXPECT_EQ(channel_.asked(), 1U);
}

TEST_F(Askable, WhatTheChannelDoesNotHaveIsSentOnce) {
    const auto no = asked_about();
    channel_.know_nothing();
    ASSERT_TRUE(eventually([&] { return channel_.asked() == 2; }));
    EXPECT_EQ(channel_.queried(), 1U) << "the answer to the question is not asked for again";
    channel_.answer_all(connectors::succeeded("ref"));
    ASSERT_TRUE(eventually([&] { return attempt_of(no).state() == pb::ATTEMPT_SUCCEEDED; }));
    EXPECT_EQ(channel_.asked(), 2U);
}

// The channel's own word came while it was asked, and its older answer knows nothing of it.
TEST_F(Askable, WhatEndedMeanwhileIsNotSent) {
    const auto no = asked_about();
    notify(attempt_of(no), pb::ATTEMPT_SUCCEEDED);
    ASSERT_EQ(attempt_of(no).state(), pb::ATTEMPT_SUCCEEDED);
    channel_.know_nothing();
    // A later payment's order shows that the worker went on.
    world_.card_payment("pm_card_visa");
    ASSERT_TRUE(eventually([&] { return channel_.asked() == 2; }));
    EXPECT_NE(channel_.orders[1].reference, channel_.orders[0].reference);
}

TEST_F(Askable, ThereIsNewsMeansThatItIsAskedOnceMore) {
    const auto no = asked_about();
    clock_.set_wall(clock_.wall_ms() + 1);
    notify(attempt_of(no), pb::ATTEMPT_UNKNOWN);
    channel_.know_nothing();
    ASSERT_TRUE(eventually([&] { return channel_.queried() == 2; }));
    EXPECT_EQ(channel_.asked(), 1U);
    channel_.answer_all(connectors::succeeded("ref"));
    ASSERT_TRUE(eventually([&] { return attempt_of(no).state() == pb::ATTEMPT_SUCCEEDED; }));
}

TEST_F(Askable, WhoLeadsNoMoreSendsNothing) {
    asked_about();
    leads_ = false;
    channel_.know_nothing();
    const unsigned looked = looks_.load();
    ASSERT_TRUE(eventually([&] { return looks_.load() >= looked + 3; })) << "it has read the answer";
    EXPECT_EQ(channel_.asked(), 1U);
    leads_ = true;
    ASSERT_TRUE(eventually([&] { return channel_.queried() == 2; })) << "asked again by who leads now";
    EXPECT_EQ(channel_.asked(), 1U);
    channel_.answer_all(connectors::succeeded("ref"));
}

// Another node may have sent it in between, and nothing in the rows says so.
TEST_F(Askable, WhatAnEarlierLeadershipLearnedSendsNothing) {
    asked_about();
    term_ = 2;
    channel_.know_nothing();
    ASSERT_TRUE(eventually([&] { return channel_.queried() == 2; })) << "asked again in the new one";
    EXPECT_EQ(channel_.asked(), 1U);
    channel_.answer_all(connectors::succeeded("ref"));
}

TEST_F(Askable, AnAnswerAfterTheWorkersEndSendsNothing) {
    asked_about();
    worker_.reset();
    channel_.know_nothing();
    EXPECT_EQ(channel_.asked(), 1U);
}

// The process died, or another node led, between the call and its answer: nothing says so but the attempt's
// age.
TEST_F(Askable, WhatIsOlderThanTheLeadershipIsAskedAboutFirst) {
    start_asking();
    const auto no = object_in(world_.card_payment("pm_card_visa"), pb::payment_intent).no();
    ASSERT_TRUE(eventually([&] { return channel_.asked() == 1; }));
    worker_.reset();
    channel_.lose_all();
    ASSERT_EQ(attempt_of(no).tries(), 0U);
    start_asking();
    ASSERT_TRUE(eventually([&] { return channel_.queried() == 1; }));
    EXPECT_EQ(channel_.asked(), 1U);
    channel_.answer_all(connectors::succeeded("ref"));
    ASSERT_TRUE(eventually([&] { return attempt_of(no).state() == pb::ATTEMPT_SUCCEEDED; }));
    world_.card_payment("pm_card_visa");
    ASSERT_TRUE(eventually([&] { return channel_.asked() == 2; })) << "what is new is sent at once";
    EXPECT_EQ(channel_.queried(), 1U);
    channel_.answer_all(connectors::succeeded("ref"));
}

}  // namespace
}  // namespace kontor::outbox::testing

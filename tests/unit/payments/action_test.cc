// Payments that wait for their payer: what he has to do, and every way in which that ends.
#include "domains/attempts/attempts.h"
#include "domains/attempts/limits.h"
#include "domains/channels/channels.h"
#include "domains/channels/limits.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

class Action : public ::testing::Test {
 protected:
    Action() { world.make_merchant(); }
    ~Action() override { world.expect_whole(); }
    // An intent that waits for its payer, and its attempt.
    void wait(bool manual = false) {
        const auto interim = world.pay("pm_card_visa", 700, 0, [&](pb::Command&, pb::CreatePaymentIntent& p) {
            p.set_manual_capture(manual);
            p.set_return_url("https://shop.example/done");
        });
        attempt = interim.waiting_on();
        no = object_in(interim, pb::payment_intent).no();
        const auto result = world.ask_payer(attempt);
        ASSERT_EQ(result.outcome(), machine::outcome::ok);
        ASSERT_EQ(object_in(result, pb::payment_intent).status(), pb::REQUIRES_ACTION);
    }
    std::vector<pb::ChannelAttempt> attempts() const {
        return attempts::attempts_of_intent(world.rows, world.scope, no);
    }
    pb::ChannelAttempt row() const { return *attempts::find_attempt(world.rows, attempt); }
    // The channel was told to do nothing more.
    void expect_closed() {
        const auto all = attempts();
        ASSERT_GE(all.size(), 2U);
        EXPECT_EQ(all[0].state(), pb::ATTEMPT_FAILED);
        EXPECT_EQ(all[0].expires_ms(), 0);
        const auto close = std::find_if(all.begin(), all.end(), [&](const auto& one) {
            return one.compensates() == attempt && one.operation() == pb::CHANNEL_VOID;
        });
        ASSERT_NE(close, all.end());
        EXPECT_EQ(close->channel_reference(), "sbx_" + std::to_string(attempt));
        EXPECT_EQ(close->account_no(), all[0].account_no());
    }

    World world;
    std::uint64_t no = 0, attempt = 0;
};

TEST_F(Action, IsAnsweredWithAndAnnounced) {
    wait();
    EXPECT_EQ(world.event_types(), (Types{"payment_intent.requires_action"}));
    const auto intent = world.intent(no);
    EXPECT_EQ(intent.next_action().redirect_url(), "https://bank.example/1");
    EXPECT_EQ(intent.return_url(), "https://shop.example/done");
    EXPECT_EQ(intent.latest_charge_no(), 0U);
    const std::string json = intent_json(intent);
    EXPECT_NE(json.find(R"("next_action":{"redirect_to_url":{"return_url":"https://shop.example/done",)"
                        R"("url":"https://bank.example/1"},"type":"redirect_to_url"})"),
              std::string::npos)
        << json;
    EXPECT_EQ(row().state(), pb::ATTEMPT_WAITING_FOR_PAYER);
    EXPECT_EQ(row().expires_ms(), world.now + attempts::limits::kPayerHasMs);
}

TEST_F(Action, ACodeIsShown) {
    pb::PaymentIntent intent;
    intent.set_currency(kEur);
    intent.mutable_next_action()->set_qr_data("00020101…");
    intent.mutable_next_action()->set_expires_ms(5'000);
    EXPECT_NE(
        intent_json(intent).find(
            R"("next_action":{"display_qr_code":{"data":"00020101…","expires_at":5},"type":"display_qr_code"})"),
        std::string::npos);
}

TEST_F(Action, SucceedsWhenTheChannelSaysSo) {
    wait();
    EXPECT_EQ(world.notify(attempt, pb::ATTEMPT_SUCCEEDED, "n1").outcome(), machine::outcome::ok);
    EXPECT_EQ(world.event_types(), (Types{"charge.succeeded", "payment_intent.succeeded"}));
    EXPECT_EQ(world.intent(no).status(), pb::SUCCEEDED);
    EXPECT_FALSE(world.intent(no).has_next_action());
    EXPECT_EQ(world.charge_of(no).account_no(), 1U);
    EXPECT_EQ(world.balance().available, 700);
    EXPECT_EQ(attempts().size(), 1U);
}

TEST_F(Action, AnAuthorisationWaitsAsWell) {
    wait(true);
    world.succeed(attempt);
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_CAPTURE);
    EXPECT_EQ(object_in(world.succeed(world.capture(no).waiting_on()), pb::payment_intent).status(),
              pb::SUCCEEDED);
}

TEST_F(Action, IsAskedForAgainWithBackOff) {
    wait();
    for (const std::int64_t wait_s : {2, 5, 15}) {
        EXPECT_EQ(row().next_try_ms(), world.now + wait_s * kSecond);
        world.now = row().next_try_ms();
        world.ask_payer(attempt);
        EXPECT_TRUE(world.effects.audit_records.empty()) << "nothing new";
        EXPECT_EQ(row().state(), pb::ATTEMPT_WAITING_FOR_PAYER);
    }
    world.answer(attempt, pb::ATTEMPT_UNKNOWN);
    EXPECT_EQ(row().state(), pb::ATTEMPT_WAITING_FOR_PAYER);
    world.ask_payer(attempt, "https://bank.example/2");
    EXPECT_EQ(world.intent(no).next_action().redirect_url(), "https://bank.example/2");
    EXPECT_TRUE(world.event_types().empty());
    EXPECT_FALSE(world.effects.audit_records.empty()) << "reports hear of it";
}

TEST_F(Action, AFailedAuthenticationIsNoCharge) {
    wait();
    world.answer(attempt, pb::ATTEMPT_FAILED, std::string(kAuthenticationFailure), "");
    const auto intent = world.intent(no);
    EXPECT_EQ(intent.status(), pb::REQUIRES_PAYMENT_METHOD);
    EXPECT_EQ(intent.last_payment_error().code(), kAuthenticationFailure);
    EXPECT_EQ(intent.latest_charge_no(), 0U);
    EXPECT_FALSE(intent.has_next_action());
    EXPECT_EQ(world.event_types(), (Types{"payment_intent.payment_failed"}));
    EXPECT_EQ(attempts().size(), 1U) << "the channel knows";
    EXPECT_EQ(
        object_in(world.succeed(world.confirm(no, "pm_card_visa").waiting_on()), pb::payment_intent).status(),
        pb::SUCCEEDED);
}

TEST_F(Action, ADeclineAfterItIsADecline) {
    wait();
    world.fail(attempt);
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_PAYMENT_METHOD);
    EXPECT_EQ(world.charge_of(no).status(), pb::CHARGE_FAILED);
}

TEST_F(Action, Expires) {
    wait();
    world.now += attempts::limits::kPayerHasMs - 1;
    world.tick();
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_ACTION);
    world.now += 1;
    EXPECT_EQ(world.next().machine_ms, world.now);
    world.tick();
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_PAYMENT_METHOD);
    EXPECT_EQ(world.intent(no).last_payment_error().code(), kAuthenticationFailure);
    EXPECT_EQ(world.intent(no).last_payment_error().type(), "invalid_request_error");
    expect_closed();
}

TEST_F(Action, ExpiresWhenTheChannelSaysSo) {
    const auto interim = world.pay("pm_card_visa", 700);
    attempt = interim.waiting_on();
    no = object_in(interim, pb::payment_intent).no();
    world.ask_payer(attempt, "https://bank.example/1", world.now + 5 * 60 * kSecond);
    EXPECT_EQ(row().expires_ms(), world.now + 5 * 60 * kSecond);
    world.now += 5 * 60 * kSecond;
    world.tick();
    expect_closed();
}

TEST_F(Action, ALateSuccessIsGivenBack) {
    wait();
    world.now += attempts::limits::kPayerHasMs;
    world.tick();
    expect_closed();
    world.notify(attempt, pb::ATTEMPT_SUCCEEDED, "late");
    const auto all = attempts();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_TRUE(all[0].late_success());
    EXPECT_EQ(all[2].operation(), pb::CHANNEL_REFUND);
    EXPECT_EQ(all[2].compensates(), attempt);
    EXPECT_EQ(world.balance().available, 0);
    world.succeed(all[2].no());
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_PAYMENT_METHOD);
}

// The payer's way back says what became of his payment, whatever he did on the channel's page.
TEST_F(Action, ANoticeIsAnsweredWithWhatBecameOfIt) {
    const auto said = [this](pb::AttemptState state, const char* id) {
        return world.notify(attempt, state, id).attempt_state();
    };
    const std::uint32_t paid = pb::ATTEMPT_SUCCEEDED, failed = pb::ATTEMPT_FAILED;
    wait();
    EXPECT_EQ(said(pb::ATTEMPT_UNKNOWN, "news"), 0U) << "nothing yet";
    EXPECT_EQ(said(pb::ATTEMPT_SUCCEEDED, "done"), paid);
    EXPECT_EQ(said(pb::ATTEMPT_SUCCEEDED, "done"), paid) << "said again";
    EXPECT_EQ(said(pb::ATTEMPT_FAILED, "else"), paid) << "it was paid";
    wait();
    EXPECT_EQ(said(pb::ATTEMPT_FAILED, "failed"), failed);
    wait();
    world.cancel(no);
    EXPECT_EQ(said(pb::ATTEMPT_SUCCEEDED, "late"), failed);
    EXPECT_EQ(said(pb::ATTEMPT_SUCCEEDED, "late"), failed) << "said again";
    wait();
    world.confirm(no, "pm_card_visa");
    EXPECT_EQ(said(pb::ATTEMPT_SUCCEEDED, "another try"), failed);
}

TEST_F(Action, CancelClosesIt) {
    wait();
    EXPECT_EQ(world.cancel(no).outcome(), machine::outcome::ok);
    EXPECT_EQ(world.intent(no).status(), pb::CANCELED);
    expect_closed();
    world.succeed(attempt);
    EXPECT_EQ(attempts().back().operation(), pb::CHANNEL_REFUND) << "what comes later is given back";
}

TEST_F(Action, ANewConfirmClosesIt) {
    wait();
    const auto again = world.confirm(no, "pm_card_visa");
    ASSERT_EQ(again.outcome(), machine::outcome::ok);
    EXPECT_EQ(world.intent(no).status(), pb::PROCESSING);
    expect_closed();
    EXPECT_EQ(object_in(world.succeed(again.waiting_on()), pb::payment_intent).status(), pb::SUCCEEDED);
}

TEST_F(Action, ANewConfirmByTheWalletClosesIt) {
    const auto customer = world.customer_with(1'000);
    const auto interim = world.pay("pm_card_visa", 700, customer);
    attempt = interim.waiting_on();
    no = object_in(interim, pb::payment_intent).no();
    world.ask_payer(attempt);
    EXPECT_EQ(object_in(world.confirm(no, "pm_wallet"), pb::payment_intent).status(), pb::SUCCEEDED);
    EXPECT_EQ(world.wallet_of(customer), 300);
    expect_closed();
}

TEST_F(Action, AChangeOfTheAmountClosesIt) {
    wait();
    const auto update = [&](auto fill) {
        return world.run([&](pb::Command& c) {
            mutable_body(c, pb::update_payment_intent)->set_no(no);
            fill(*mutable_body(c, pb::update_payment_intent));
        });
    };
    update([](pb::UpdatePaymentIntent& u) { u.set_description("no matter"); });
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_ACTION);
    update([](pb::UpdatePaymentIntent& u) { u.set_amount(800); });
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_CONFIRMATION);
    expect_closed();
}

TEST_F(Action, IsADeclineWhereNobodyCouldAct) {
    const auto interim = world.pay("pm_card_visa", 700, 0, [](pb::Command&, pb::CreatePaymentIntent& p) {
        p.set_error_on_requires_action(true);
    });
    attempt = interim.waiting_on();
    no = object_in(interim, pb::payment_intent).no();
    const auto result = world.ask_payer(attempt);
    EXPECT_EQ(result.outcome(), outcome::card_declined);
    EXPECT_EQ(result.error().code(), "authentication_required");
    EXPECT_EQ(result.error().decline_code(), "authentication_required");
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_PAYMENT_METHOD);
    EXPECT_EQ(world.charge_of(no).failure().code(), "authentication_required");
    expect_closed();
}

TEST_F(Action, TriesThatPayersLeaveAreBounded) {
    wait();
    for (std::uint32_t i = 1; i <= limits::kDeclinedAttemptsPerIntent; ++i) {
        const auto again = world.confirm(no, "pm_card_visa");
        ASSERT_EQ(again.outcome(), machine::outcome::ok) << i;
        world.ask_payer(again.waiting_on());
    }
    EXPECT_EQ(world.confirm(no, "pm_card_visa").outcome(), machine::outcome::limit_reached);
}

TEST_F(Action, TheIdempotencyKeyRemembersIt) {
    auto command = world.pay_command("pm_card_visa", 700);
    command.set_idempotency_key("k");
    command.set_params_hash("h");
    attempt = world.apply(command).waiting_on();
    EXPECT_EQ(world.apply(command).outcome(), machine::outcome::idempotency_in_use);
    world.ask_payer(attempt);
    const auto again = world.apply(command);
    EXPECT_TRUE(again.replayed());
    EXPECT_EQ(object_in(again, pb::payment_intent).status(), pb::REQUIRES_ACTION);
    world.succeed(attempt);
    EXPECT_EQ(object_in(world.apply(command), pb::payment_intent).status(), pb::REQUIRES_ACTION)
        << "the answer of then";
}

// A connector that says what cannot be is asked again: no payment ends by it.
TEST_F(Action, WhatIsNoActionIsNoAnswer) {
    const auto sale = world.pay("pm_card_visa", 700).waiting_on();
    for (const std::string& url : {std::string(), std::string(attempts::limits::kActionUrlBytes + 1, 'u')}) {
        world.ask_payer(sale, url);
        EXPECT_EQ(attempts::find_attempt(world.rows, sale)->state(), pb::ATTEMPT_UNKNOWN);
        EXPECT_TRUE(world.effects.audit_records.empty()) << "nothing has changed";
    }
    world.ask_payer(sale, std::string(attempts::limits::kActionUrlBytes, 'u'));
    EXPECT_EQ(attempts::find_attempt(world.rows, sale)->state(), pb::ATTEMPT_WAITING_FOR_PAYER);
    const auto paid = object_in(world.card(100), pb::payment_intent).no();
    const auto refund = world.refund(paid).waiting_on();
    world.ask_payer(refund);
    EXPECT_EQ(attempts::find_attempt(world.rows, refund)->state(), pb::ATTEMPT_UNKNOWN);
    EXPECT_TRUE(world.effects.audit_records.empty()) << "nothing has changed";
}

// Nor is what the channel wants of the payer of a payment that is over.
TEST_F(Action, AnActionThatComesTooLateIsNoAnswer) {
    wait();
    world.cancel(no);
    const pb::ChannelAttempt closing = attempts().back();
    ASSERT_EQ(closing.compensates(), attempt);
    for (const std::uint64_t asked : {attempt, closing.no()}) {
        world.ask_payer(asked);
        EXPECT_TRUE(world.effects.audit_records.empty()) << "nothing has changed";
        EXPECT_EQ(world.intent(no).status(), pb::CANCELED);
    }
    EXPECT_EQ(attempts::find_attempt(world.rows, closing.no())->state(), pb::ATTEMPT_UNKNOWN);
}

TEST_F(Action, ANoticeIsTakenOnceInThirtyDays) {
    wait();
    EXPECT_GT(row().next_try_ms(), world.now);
    EXPECT_EQ(world.notify(attempt, pb::ATTEMPT_UNKNOWN, "n").outcome(), machine::outcome::ok);
    EXPECT_EQ(row().next_try_ms(), world.now) << "there is news: the channel is asked";
    EXPECT_EQ(world.notify(attempt, pb::ATTEMPT_SUCCEEDED, "n").outcome(), machine::outcome::ok);
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_ACTION) << "the same notice again says nothing";
    EXPECT_EQ(channels::count_notices(world.rows, 1), 1);
    EXPECT_EQ(world.notify(attempt, pb::ATTEMPT_SUCCEEDED, "another").outcome(), machine::outcome::ok);
    EXPECT_EQ(world.intent(no).status(), pb::SUCCEEDED);
    EXPECT_EQ(channels::count_notices(world.rows, 1), 2);
    world.now += channels::limits::kNoticeKeptMs;
    world.tick();
    EXPECT_EQ(channels::count_notices(world.rows, 1), 0);
}

TEST_F(Action, ANoticeIsAboutItsOwnAccountsOrders) {
    wait();
    const auto refused = [&](const pb::Result& result) {
        EXPECT_EQ(result.outcome(), machine::outcome::resource_missing);
        EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_ACTION);
    };
    refused(world.notify(attempt, pb::ATTEMPT_SUCCEEDED, "n", 2));
    refused(world.notify(attempt + 7, pb::ATTEMPT_SUCCEEDED, "n"));
    EXPECT_EQ(world.notify(attempt, pb::ATTEMPT_SUCCEEDED, "").outcome(),
              machine::outcome::invalid_parameter);
    EXPECT_EQ(
        world.notify(attempt, pb::ATTEMPT_SUCCEEDED, std::string(channels::limits::kNoticeIdBytes + 1, 'n'))
            .outcome(),
        machine::outcome::invalid_parameter);
    EXPECT_EQ(world.notify(attempt, pb::ATTEMPT_WAITING, "n").outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(channels::count_notices(world.rows, 1), 0);
}

}  // namespace
}  // namespace kontor::payments::testing

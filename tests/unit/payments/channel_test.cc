// Card payments: the outbox asks the channel, its answer completes what waited; nothing is guessed.
#include "domains/attempts/attempts.h"
#include "domains/refunds/outcomes.h"
#include "kontor/attempts.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

using ledger::AccountKind;

class Channel : public ::testing::Test {
 protected:
    Channel() { world.make_merchant(); }
    ~Channel() override {
        EXPECT_TRUE(world.verify().holds());
        EXPECT_EQ(world.sum_of_transactions(), world.balance().available + world.balance().pending);
    }
    // Credits minus debits, posted.
    std::int64_t posted(AccountKind kind, std::uint64_t owner) const {
        const auto account = ledger::find_account(
            world.rows, ledger::system_account(kind, ledger::ledger_number(kEur, false), owner));
        if (!account) return 0;
        return static_cast<std::int64_t>(account->credits_posted) -
               static_cast<std::int64_t>(account->debits_posted);
    }
    std::int64_t receivable() const { return -posted(AccountKind::channel_receivable, 1); }
    std::int64_t suspense() const { return posted(AccountKind::suspense, 1); }
    std::vector<pb::ChannelAttempt> attempts(std::uint64_t intent) const {
        return attempts::attempts_of_intent(world.rows, world.scope, intent);
    }
    World world;
};

TEST_F(Channel, SaleWaitsThenSucceeds) {
    const auto interim = world.pay("pm_card_visa", 700);
    ASSERT_EQ(interim.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(interim, pb::payment_intent).status(), pb::PROCESSING);
    const auto attempt = interim.waiting_on();
    ASSERT_NE(attempt, 0U);
    EXPECT_TRUE(world.effects.outbox_changed);
    EXPECT_EQ(world.event_types(), (Types{"payment_intent.created", "payment_intent.processing"}));
    auto due = attempts::due_attempts(world.rows, world.now, 10);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].no, attempt);
    EXPECT_EQ(receivable(), 0);

    const auto result = world.succeed(attempt);
    ASSERT_EQ(world.effects.resolved.size(), 1U);
    EXPECT_EQ(world.effects.resolved[0].attempt_no, attempt);
    EXPECT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), pb::SUCCEEDED);
    EXPECT_EQ(object_in(result, pb::payment_intent).attempt_no(), 0U);
    EXPECT_EQ(world.event_types(), (Types{"charge.succeeded", "payment_intent.succeeded"}));
    EXPECT_EQ(world.effects.audit_records[0].request_id(), "req_1");  // of the request that started it
    EXPECT_EQ(receivable(), 700);
    EXPECT_EQ(world.balance().available, 700);
    EXPECT_TRUE(attempts::due_attempts(world.rows, INT64_MAX, 10).empty());
    EXPECT_EQ(attempts::find_attempt(world.rows, attempt)->state(), pb::ATTEMPT_SUCCEEDED);
}

// Card testing on one intent ends; the shop's next intent is as good as new.
TEST_F(Channel, DeclinedAttemptsOfOneIntentAreBounded) {
    const auto interim = world.pay("pm_card_chargeDeclined", 700);
    const auto no = object_in(interim, pb::payment_intent).no();
    ASSERT_EQ(world.fail(interim.waiting_on()).outcome(), outcome::card_declined);
    for (std::uint32_t i = 1; i < limits::kDeclinedAttemptsPerIntent; ++i) {
        const auto again = world.confirm(no, "pm_card_visa");
        ASSERT_EQ(again.outcome(), machine::outcome::ok) << i;
        ASSERT_EQ(world.fail(again.waiting_on()).outcome(), outcome::card_declined) << i;
    }
    const auto before = world.intent(no).SerializeAsString();
    const auto refused = world.confirm(no, "pm_card_visa");
    EXPECT_EQ(refused.outcome(), machine::outcome::limit_reached);
    EXPECT_EQ(refused.error().code(), "payment_intent_rate_limit_exceeded");
    EXPECT_EQ(refused.error().type(), "invalid_request_error");
    EXPECT_EQ(object_in(refused, pb::payment_intent).no(), no);
    EXPECT_EQ(world.intent(no).SerializeAsString(), before) << "a refusal changes nothing";
    EXPECT_EQ(attempts(no).size(), limits::kDeclinedAttemptsPerIntent);
    EXPECT_EQ(
        world.run([&](pb::Command& c) { mutable_body(c, pb::cancel_payment_intent)->set_no(no); }).outcome(),
        machine::outcome::ok);
}

TEST_F(Channel, DeclineLeavesIntentAndFailedCharge) {
    const auto interim = world.pay("pm_card_chargeDeclined", 700);
    const auto no = object_in(interim, pb::payment_intent).no();
    auto result = world.fail(interim.waiting_on());
    EXPECT_EQ(result.outcome(), outcome::card_declined);
    EXPECT_EQ(result.error().decline_code(), "generic_decline");
    EXPECT_EQ(object_in(result, pb::payment_intent).no(), no);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), pb::REQUIRES_PAYMENT_METHOD);
    EXPECT_EQ(world.charge_of(no).status(), pb::CHARGE_FAILED);
    EXPECT_EQ(world.charge_of(no).failure().code(), "card_declined");
    EXPECT_EQ(receivable(), 0);
    EXPECT_EQ(world.confirm(no).outcome(), outcome::missing_payment_method);
    result = world.confirm(no, "pm_card_visa");
    EXPECT_EQ(world.succeed(result.waiting_on()).outcome(), machine::outcome::ok);
    EXPECT_EQ(attempts(no).size(), 2U);
}

TEST_F(Channel, ProcessingErrorIsItsOwnOutcome) {
    const auto interim = world.pay("pm_card_chargeDeclinedProcessingError", 700);
    const auto result =
        world.answer(interim.waiting_on(), pb::ATTEMPT_FAILED, "processing_error", "processing_error");
    EXPECT_EQ(result.outcome(), outcome::processing_error);
}

TEST_F(Channel, WhileItIsAskedNothingElseIsDecided) {
    const auto no = object_in(world.pay("pm_card_visa", 700), pb::payment_intent).no();
    EXPECT_EQ(world.confirm(no, "pm_card_visa").outcome(), machine::outcome::unexpected_state);
    EXPECT_EQ(world.cancel(no).outcome(), machine::outcome::unexpected_state);
    EXPECT_EQ(world.capture(no).outcome(), machine::outcome::unexpected_state);
    EXPECT_EQ(world.refund(no).outcome(), refunds::outcome::charge_not_refundable);
}

TEST_F(Channel, UnknownIsAskedAgainWithBackOffForEver) {
    const auto interim = world.pay("pm_card_visa", 700);
    const auto attempt = interim.waiting_on();
    const std::int64_t waits_s[] = {2, 5, 15, 60, 300, 900, 3600, 3600, 3600};
    for (const std::int64_t wait : waits_s) {
        world.answer(attempt, pb::ATTEMPT_UNKNOWN);
        EXPECT_TRUE(world.effects.resolved.empty());
        EXPECT_TRUE(world.effects.audit_records.empty());
        const auto row = attempts::find_attempt(world.rows, attempt);
        EXPECT_EQ(row->state(), pb::ATTEMPT_UNKNOWN);
        EXPECT_EQ(row->next_try_ms(), world.now + wait * kSecond);
        const auto due = attempts::due_attempts(world.rows, INT64_MAX, 10);
        ASSERT_EQ(due.size(), 1U);
        EXPECT_EQ(due[0].due_ms, row->next_try_ms());
        EXPECT_TRUE(attempts::due_attempts(world.rows, world.now, 10).empty());
        world.now = row->next_try_ms();
    }
    EXPECT_EQ(world.intent(object_in(interim, pb::payment_intent).no()).status(), pb::PROCESSING);
    EXPECT_EQ(object_in(world.succeed(attempt), pb::payment_intent).status(), pb::SUCCEEDED);
    EXPECT_EQ(attempts::find_attempt(world.rows, attempt)->tries(), 10U);
}

TEST_F(Channel, TheSameAnswerTwiceChangesNothing) {
    for (const auto state : {pb::ATTEMPT_SUCCEEDED, pb::ATTEMPT_FAILED}) {
        const auto attempt = world.pay("pm_card_visa", 700).waiting_on();
        world.answer(attempt, state);
        const auto rows = world.rows.rows();
        world.answer(attempt, state);
        EXPECT_TRUE(world.effects.resolved.empty());
        EXPECT_EQ(world.rows.rows(), rows);
        world.answer(attempt, pb::ATTEMPT_UNKNOWN);
        EXPECT_EQ(world.rows.rows(), rows);
    }
    const auto attempt = world.pay("pm_card_visa", 700).waiting_on();
    world.succeed(attempt);
    const auto rows = world.rows.rows();
    world.fail(attempt);  // the money is posted
    EXPECT_EQ(world.rows.rows(), rows);
}

TEST_F(Channel, LateSuccessOfASaleIsGivenBack) {
    const auto interim = world.pay("pm_card_visa", 700);
    const auto no = object_in(interim, pb::payment_intent).no();
    world.fail(interim.waiting_on());
    world.succeed(interim.waiting_on());
    EXPECT_TRUE(world.effects.resolved.empty());
    ASSERT_EQ(world.effects.audit_records.size(), 1U);
    EXPECT_EQ(world.effects.audit_records[0].transfer_ids_size(), 1);
    EXPECT_EQ(receivable(), 700);
    EXPECT_EQ(suspense(), 700);
    EXPECT_EQ(world.balance().available, 0);
    EXPECT_EQ(world.intent(no).status(), pb::REQUIRES_PAYMENT_METHOD);
    const auto all = attempts(no);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_TRUE(all[0].late_success());
    EXPECT_EQ(all[1].compensates(), all[0].no());
    EXPECT_EQ(all[1].operation(), pb::CHANNEL_REFUND);
    EXPECT_EQ(all[1].channel_reference(), "sbx_" + std::to_string(all[0].no()));
    const auto rows = world.rows.rows();
    world.succeed(interim.waiting_on());  // once is enough
    EXPECT_EQ(world.rows.rows(), rows);

    world.succeed(all[1].no());
    EXPECT_EQ(receivable(), 0);
    EXPECT_EQ(suspense(), 0);
    EXPECT_EQ(audit_records_of_intent(world.rows, world.scope, no).size(), 4U);
}

TEST_F(Channel, LateSuccessWhoseReturnFailsStaysInSuspense) {
    const auto interim = world.pay("pm_card_visa", 700);
    world.fail(interim.waiting_on());
    world.succeed(interim.waiting_on());
    const auto back = attempts(object_in(interim, pb::payment_intent).no()).at(1).no();
    world.fail(back);
    EXPECT_EQ(suspense(), 700);
    world.succeed(back);  // it worked after all
    EXPECT_EQ(suspense(), 0);
}

TEST_F(Channel, LateSuccessOfAnAuthorisationIsVoided) {
    const auto interim = world.authorize("pm_card_visa", 700);
    world.fail(interim.waiting_on());
    world.succeed(interim.waiting_on());
    const auto all = attempts(object_in(interim, pb::payment_intent).no());
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[1].operation(), pb::CHANNEL_VOID);
    EXPECT_EQ(suspense(), 0);
    world.succeed(all[1].no());
    EXPECT_EQ(receivable(), 0);
}

TEST_F(Channel, LateSuccessOfARefundIsOurLossUntilExplained) {
    const auto no = object_in(world.card(100), pb::payment_intent).no();
    const auto attempt = world.refund(no, 60).waiting_on();
    world.fail(attempt);
    world.succeed(attempt);
    EXPECT_EQ(world.balance().available, 100);
    EXPECT_EQ(receivable(), 40);
    EXPECT_EQ(suspense(), -60);
}

TEST_F(Channel, AuthoriseThenCaptureAPart) {
    auto interim = world.authorize("pm_card_visa", 900);
    EXPECT_EQ(attempts::find_attempt(world.rows, interim.waiting_on())->operation(), pb::CHANNEL_AUTHORIZE);
    const auto no = object_in(interim, pb::payment_intent).no();
    EXPECT_EQ(object_in(world.succeed(interim.waiting_on()), pb::payment_intent).status(),
              pb::REQUIRES_CAPTURE);
    EXPECT_EQ(world.balance().available + world.balance().pending, 0);
    interim = world.capture(no, 400);
    EXPECT_EQ(object_in(interim, pb::payment_intent).status(), pb::PROCESSING);
    EXPECT_EQ(world.capture(no, 400).outcome(), machine::outcome::unexpected_state);
    const auto attempt = attempts::find_attempt(world.rows, interim.waiting_on());
    EXPECT_EQ(attempt->operation(), pb::CHANNEL_CAPTURE);
    EXPECT_EQ(attempt->amount(), 400);
    EXPECT_EQ(attempt->channel_reference(), world.charge_of(no).channel_reference());
    const auto result = world.succeed(interim.waiting_on());
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), pb::SUCCEEDED);
    EXPECT_EQ(object_in(result, pb::payment_intent).amount_received(), 400);
    EXPECT_EQ(receivable(), 400);
    EXPECT_EQ(world.balance().available, 400);
    EXPECT_EQ(world.capture(no).outcome(), outcome::already_captured);
}

TEST_F(Channel, CaptureThatFailsMayBeTriedAgain) {
    const auto interim = world.authorize("pm_card_visa", 900);
    const auto no = object_in(interim, pb::payment_intent).no();
    world.succeed(interim.waiting_on());
    const auto attempt = world.capture(no, 400).waiting_on();
    const auto result = world.fail(attempt);
    EXPECT_EQ(result.outcome(), outcome::card_declined);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), pb::REQUIRES_CAPTURE);
    EXPECT_EQ(object_in(result, pb::payment_intent).amount_capturable(), 900);
    // Late success of the capture: given back, since the merchant may have captured again by then.
    world.succeed(attempt);
    EXPECT_EQ(suspense(), 400);
    EXPECT_EQ(object_in(world.succeed(world.capture(no).waiting_on()), pb::payment_intent).amount_received(),
              900);
}

TEST_F(Channel, CancelOfAnAuthorisationAsksTheChannel) {
    const auto interim = world.authorize("pm_card_visa", 900);
    const auto no = object_in(interim, pb::payment_intent).no();
    world.succeed(interim.waiting_on());
    auto attempt = world.cancel(no).waiting_on();
    ASSERT_NE(attempt, 0U);
    EXPECT_EQ(object_in(world.fail(attempt), pb::payment_intent).status(), pb::REQUIRES_CAPTURE);
    EXPECT_TRUE(world.intent(no).cancellation_reason().empty());
    attempt = world.cancel(no).waiting_on();
    EXPECT_EQ(attempts::find_attempt(world.rows, attempt)->operation(), pb::CHANNEL_VOID);
    const auto result = world.succeed(attempt);
    EXPECT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), pb::CANCELED);
    EXPECT_EQ(object_in(result, pb::payment_intent).amount_capturable(), 0);
    const auto account = ledger::find_account(
        world.rows,
        ledger::system_account(AccountKind::channel_receivable, ledger::ledger_number(kEur, false), 1));
    EXPECT_EQ(account->debits_pending, 0U);
}

TEST_F(Channel, AnswersOfNobodyAndOfNoKind) {
    EXPECT_EQ(world.answer(12345, pb::ATTEMPT_SUCCEEDED).outcome(), machine::outcome::ok);
    EXPECT_EQ(world.effects.results[0].outcome(), machine::outcome::resource_missing);
    const auto attempt = world.pay("pm_card_visa", 5).waiting_on();
    world.answer(attempt, pb::ATTEMPT_WAITING);
    EXPECT_EQ(world.effects.results[0].outcome(), machine::outcome::invalid_parameter);
}

}  // namespace
}  // namespace kontor::payments::testing

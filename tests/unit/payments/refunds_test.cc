// Refunds: to a wallet at once, by a channel with what was reserved; never more than there is.
#include "domains/attempts/attempts.h"
#include "domains/balances/balances.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/outcomes.h"
#include "kontor/attempts.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/page.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

class Refunds : public ::testing::Test {
 protected:
    Refunds() { world.make_merchant(); }
    ~Refunds() override {
        EXPECT_TRUE(world.verify().holds());
        EXPECT_EQ(world.sum_of_transactions(), world.balance().available + world.balance().pending);
    }
    World world;
};

TEST_F(Refunds, WalletPartThenRest) {
    const auto customer = world.customer_with(100);
    const auto no = object_in(world.wallet(100, customer), pb::payment_intent).no();
    auto result = world.refund(no, 30);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::refund).status(), pb::REFUND_SUCCEEDED);
    EXPECT_EQ(object_in(result, pb::refund).amount(), 30);
    EXPECT_EQ(world.event_types(), (Types{"refund.created", "charge.refunded"}));
    EXPECT_EQ(world.effects.audit_records[0].events(1).previous_attributes_json(),
              R"({"amount_refunded":0,"refunded":false})");
    EXPECT_EQ(world.wallet_of(customer), 30);
    EXPECT_FALSE(world.charge_of(no).refunded());

    EXPECT_EQ(world.refund(no, 71).outcome(), refunds::outcome::refund_too_large);
    result = world.refund(no);
    EXPECT_EQ(object_in(result, pb::refund).amount(), 70);
    EXPECT_TRUE(world.charge_of(no).refunded());
    EXPECT_EQ(world.charge_of(no).amount_refunded(), 100);
    EXPECT_EQ(world.wallet_of(customer), 100);
    EXPECT_EQ(world.balance().available, 0);
    EXPECT_EQ(world.refund(no).outcome(), refunds::outcome::already_refunded);
    EXPECT_EQ(world.refund(no, 1).outcome(), refunds::outcome::already_refunded);
    const auto txn = balances::find_balance_transaction(
        world.rows, world.scope, object_in(result, pb::refund).balance_transaction_no());
    ASSERT_TRUE(txn);
    EXPECT_EQ(txn->type(), "refund");
    EXPECT_EQ(txn->amount(), -70);
    EXPECT_EQ(txn->net(), -70);
}

TEST_F(Refunds, OfACardIsReservedUntilTheChannelAnswers) {
    const auto no = object_in(world.card(100), pb::payment_intent).no();
    auto result = world.refund(no, 80);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    const auto attempt = result.waiting_on();
    ASSERT_NE(attempt, 0U);
    EXPECT_EQ(object_in(result, pb::refund).status(), pb::REFUND_PENDING);
    EXPECT_EQ(world.balance().available, 20);
    EXPECT_EQ(world.charge_of(no).amount_refunded(), 80);
    EXPECT_EQ(world.event_types(), (Types{"refund.created", "charge.updated"}));
    const auto row = attempts::find_attempt(world.rows, attempt);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->operation(), pb::CHANNEL_REFUND);
    EXPECT_EQ(row->amount(), 80);
    EXPECT_EQ(row->channel_reference(), world.charge_of(no).channel_reference());
    EXPECT_EQ(row->payment_method().token(), "pm_card_visa");

    // Two refunds of 80 on 100: exactly one succeeds, also while the first is under way.
    EXPECT_EQ(world.refund(no, 80).outcome(), refunds::outcome::refund_too_large);

    result = world.succeed(attempt);
    EXPECT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::refund).status(), pb::REFUND_SUCCEEDED);
    EXPECT_EQ(world.event_types(), (Types{"refund.updated", "charge.refunded"}));
    EXPECT_EQ(world.balance().available, 20);
    EXPECT_EQ(world.refund(no, 80).outcome(), refunds::outcome::refund_too_large);
}

TEST_F(Refunds, TwoOf80InOneBatchExactlyOneSucceeds) {
    for (const bool by_card : {false, true}) {
        const auto customer = world.customer_with(100);
        const auto no = by_card ? object_in(world.card(100), pb::payment_intent).no()
                                : object_in(world.wallet(100, customer), pb::payment_intent).no();
        pb::Batch batch = world.batch();
        for (int i = 0; i < 2; ++i) {
            *batch.add_commands() = world.command([&](pb::Command& c) {
                mutable_body(c, pb::create_refund)->set_intent_no(no);
                mutable_body(c, pb::create_refund)->set_amount(80);
            });
        }
        world.apply(batch);
        EXPECT_EQ(world.effects.results[0].outcome(), machine::outcome::ok);
        EXPECT_EQ(world.effects.results[1].outcome(), refunds::outcome::refund_too_large);
        EXPECT_EQ(world.effects.results[1].error().param(), "amount");
        EXPECT_EQ(world.charge_of(no).amount_refunded(), 80);
    }
}

TEST_F(Refunds, ThatFailsGivesTheMoneyBack) {
    const auto no = object_in(world.card(100), pb::payment_intent).no();
    const auto started = world.refund(no, 60);
    const auto result =
        world.answer(started.waiting_on(), pb::ATTEMPT_FAILED, "expired_or_canceled_card", "");
    EXPECT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::refund).status(), pb::REFUND_FAILED);
    EXPECT_EQ(object_in(result, pb::refund).failure_reason(), "expired_or_canceled_card");
    EXPECT_EQ(world.event_types(), (Types{"refund.failed", "charge.updated"}));
    EXPECT_EQ(world.balance().available, 100);
    EXPECT_EQ(world.charge_of(no).amount_refunded(), 0);
    ListQuery query;
    query.source_id = format_id(refunds::prefix::refund, object_in(started, pb::refund).no());
    const auto transactions = balances::list_balance_transactions(world.rows, world.scope, query).rows;
    ASSERT_EQ(transactions.size(), 2U);
    EXPECT_EQ(transactions[0].type(), "refund_failure");
    EXPECT_EQ(transactions[0].net(), 60);
    EXPECT_EQ(transactions[1].net(), -60);
    EXPECT_EQ(world.refund(no, 100).outcome(), machine::outcome::ok);  // may be tried again
}

TEST_F(Refunds, FeesAreKeptSoTheBalanceMayNotCoverIt) {
    world.make_merchant(1'000);  // 10 %
    const auto customer = world.customer_with(200);
    const auto first = object_in(world.wallet(100, customer), pb::payment_intent).no();
    EXPECT_EQ(world.balance().available, 90);
    const auto before = world.rows.rows();
    const auto result = world.refund(first);
    EXPECT_EQ(result.outcome(), refunds::outcome::balance_insufficient);
    EXPECT_EQ(world.rows.rows(), before);
    EXPECT_EQ(world.refund(first, 90).outcome(), machine::outcome::ok);
    world.wallet(100, customer);
    EXPECT_EQ(world.refund(first, 10).outcome(), machine::outcome::ok);  // out of the other payment
    EXPECT_EQ(world.balance().available, 80);
}

TEST_F(Refunds, MetadataIsMergedAndAnnounced) {
    const auto customer = world.customer_with(100);
    const auto intent = object_in(world.wallet(100, customer), pb::payment_intent).no();
    const auto no = object_in(world.refund(intent, 10), pb::refund).no();
    const auto result = world.run([&](pb::Command& c) {
        mutable_body(c, pb::update_refund)->set_no(no);
        auto& pair = *mutable_body(c, pb::update_refund)->add_metadata();
        pair.set_key("why");
        pair.set_value("\"broken\"");
    });
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(world.event_types(), Types{"refund.updated"});
    EXPECT_EQ(world.effects.audit_records[0].events(0).previous_attributes_json(),
              R"({"metadata":{"why":null}})");
}

TEST_F(Refunds, ByChargeAndByBoth) {
    const auto customer = world.customer_with(100);
    const auto intent = object_in(world.wallet(50, customer), pb::payment_intent);
    const auto other = object_in(world.wallet(50, customer), pb::payment_intent);
    const auto by = [&](std::uint64_t intent_no, std::uint64_t charge_no) {
        return world.run([&](pb::Command& c) {
            mutable_body(c, pb::create_refund)->set_intent_no(intent_no);
            mutable_body(c, pb::create_refund)->set_charge_no(charge_no);
            mutable_body(c, pb::create_refund)->set_amount(5);
        });
    };
    EXPECT_EQ(by(0, intent.latest_charge_no()).outcome(), machine::outcome::ok);
    EXPECT_EQ(by(intent.no(), intent.latest_charge_no()).outcome(), machine::outcome::ok);
    const auto mixed = by(intent.no(), other.latest_charge_no());
    EXPECT_EQ(mixed.outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(mixed.error().param(), "charge");
    EXPECT_EQ(by(0, 0).outcome(), machine::outcome::invalid_parameter);
}

}  // namespace
}  // namespace kontor::payments::testing

// Refunds: to a wallet at once, by a channel with what was reserved; never more than there is.
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
    const auto no = world.wallet(100, customer).payment_intent().no();
    auto result = world.refund(no, 30);
    ASSERT_EQ(result.outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(result.refund().status(), pb::REFUND_SUCCEEDED);
    EXPECT_EQ(result.refund().amount(), 30);
    EXPECT_EQ(world.event_types(), (Types{"refund.created", "charge.refunded"}));
    EXPECT_EQ(world.effects.journals[0].events(1).previous_attributes_json(),
              R"({"amount_refunded":0,"refunded":false})");
    EXPECT_EQ(world.wallet_of(customer), 30);
    EXPECT_FALSE(world.charge_of(no).refunded());

    EXPECT_EQ(world.refund(no, 71).outcome(), pb::OUTCOME_REFUND_TOO_LARGE);
    result = world.refund(no);
    EXPECT_EQ(result.refund().amount(), 70);
    EXPECT_TRUE(world.charge_of(no).refunded());
    EXPECT_EQ(world.charge_of(no).amount_refunded(), 100);
    EXPECT_EQ(world.wallet_of(customer), 100);
    EXPECT_EQ(world.balance().available, 0);
    EXPECT_EQ(world.refund(no).outcome(), pb::OUTCOME_ALREADY_REFUNDED);
    EXPECT_EQ(world.refund(no, 1).outcome(), pb::OUTCOME_ALREADY_REFUNDED);
    const auto txn =
        find_balance_transaction(world.rows, world.scope, result.refund().balance_transaction_no());
    ASSERT_TRUE(txn);
    EXPECT_EQ(txn->type(), "refund");
    EXPECT_EQ(txn->amount(), -70);
    EXPECT_EQ(txn->net(), -70);
}

TEST_F(Refunds, OfACardIsReservedUntilTheChannelAnswers) {
    const auto no = world.card(100).payment_intent().no();
    auto result = world.refund(no, 80);
    ASSERT_EQ(result.outcome(), pb::OUTCOME_OK);
    const auto attempt = result.waiting_on();
    ASSERT_NE(attempt, 0U);
    EXPECT_EQ(result.refund().status(), pb::REFUND_PENDING);
    EXPECT_EQ(world.balance().available, 20);
    EXPECT_EQ(world.charge_of(no).amount_refunded(), 80);
    EXPECT_EQ(world.event_types(), (Types{"refund.created", "charge.updated"}));
    const auto row = find_attempt(world.rows, attempt);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->operation(), pb::CHANNEL_REFUND);
    EXPECT_EQ(row->amount(), 80);
    EXPECT_EQ(row->channel_reference(), world.charge_of(no).channel_reference());
    EXPECT_EQ(row->payment_method().token(), "pm_card_visa");

    // Two refunds of 80 on 100: exactly one succeeds, also while the first is under way.
    EXPECT_EQ(world.refund(no, 80).outcome(), pb::OUTCOME_REFUND_TOO_LARGE);

    result = world.succeed(attempt);
    EXPECT_EQ(result.outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(result.refund().status(), pb::REFUND_SUCCEEDED);
    EXPECT_EQ(world.event_types(), (Types{"refund.updated", "charge.refunded"}));
    EXPECT_EQ(world.balance().available, 20);
    EXPECT_EQ(world.refund(no, 80).outcome(), pb::OUTCOME_REFUND_TOO_LARGE);
}

TEST_F(Refunds, TwoOf80InOneBatchExactlyOneSucceeds) {
    for (const bool by_card : {false, true}) {
        const auto customer = world.customer_with(100);
        const auto no = by_card ? world.card(100).payment_intent().no()
                                : world.wallet(100, customer).payment_intent().no();
        pb::Batch batch;
        world.set_times(batch);
        for (int i = 0; i < 2; ++i) {
            *batch.add_commands() = world.command([&](pb::Command& c) {
                c.mutable_create_refund()->set_intent_no(no);
                c.mutable_create_refund()->set_amount(80);
            });
        }
        world.apply(batch);
        EXPECT_EQ(world.effects.results[0].outcome(), pb::OUTCOME_OK);
        EXPECT_EQ(world.effects.results[1].outcome(), pb::OUTCOME_REFUND_TOO_LARGE);
        EXPECT_EQ(world.effects.results[1].error().param(), "amount");
        EXPECT_EQ(world.charge_of(no).amount_refunded(), 80);
    }
}

TEST_F(Refunds, ThatFailsGivesTheMoneyBack) {
    const auto no = world.card(100).payment_intent().no();
    const auto started = world.refund(no, 60);
    const auto result =
        world.answer(started.waiting_on(), pb::ATTEMPT_FAILED, "expired_or_canceled_card", "");
    EXPECT_EQ(result.outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(result.refund().status(), pb::REFUND_FAILED);
    EXPECT_EQ(result.refund().failure_reason(), "expired_or_canceled_card");
    EXPECT_EQ(world.event_types(), (Types{"refund.failed", "charge.updated"}));
    EXPECT_EQ(world.balance().available, 100);
    EXPECT_EQ(world.charge_of(no).amount_refunded(), 0);
    ListQuery query;
    query.source_id = format_id(prefix::refund, started.refund().no());
    const auto transactions = list_balance_transactions(world.rows, world.scope, query).rows;
    ASSERT_EQ(transactions.size(), 2U);
    EXPECT_EQ(transactions[0].type(), "refund_failure");
    EXPECT_EQ(transactions[0].net(), 60);
    EXPECT_EQ(transactions[1].net(), -60);
    EXPECT_EQ(world.refund(no, 100).outcome(), pb::OUTCOME_OK);  // may be tried again
}

TEST_F(Refunds, FeesAreKeptSoTheBalanceMayNotCoverIt) {
    world.make_merchant(1'000);  // 10 %
    const auto customer = world.customer_with(200);
    const auto first = world.wallet(100, customer).payment_intent().no();
    EXPECT_EQ(world.balance().available, 90);
    const auto before = world.rows.rows();
    const auto result = world.refund(first);
    EXPECT_EQ(result.outcome(), pb::OUTCOME_BALANCE_INSUFFICIENT);
    EXPECT_EQ(world.rows.rows(), before);
    EXPECT_EQ(world.refund(first, 90).outcome(), pb::OUTCOME_OK);
    world.wallet(100, customer);
    EXPECT_EQ(world.refund(first, 10).outcome(), pb::OUTCOME_OK);  // out of the other payment
    EXPECT_EQ(world.balance().available, 80);
}

TEST_F(Refunds, MetadataIsMergedAndAnnounced) {
    const auto customer = world.customer_with(100);
    const auto intent = world.wallet(100, customer).payment_intent().no();
    const auto no = world.refund(intent, 10).refund().no();
    const auto result = world.run([&](pb::Command& c) {
        c.mutable_update_refund()->set_no(no);
        auto& pair = *c.mutable_update_refund()->add_metadata();
        pair.set_key("why");
        pair.set_value("\"broken\"");
    });
    ASSERT_EQ(result.outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(world.event_types(), Types{"refund.updated"});
    EXPECT_EQ(world.effects.journals[0].events(0).previous_attributes_json(), R"({"metadata":{"why":null}})");
}

TEST_F(Refunds, ByChargeAndByBoth) {
    const auto customer = world.customer_with(100);
    const auto intent = world.wallet(50, customer).payment_intent();
    const auto other = world.wallet(50, customer).payment_intent();
    const auto by = [&](std::uint64_t intent_no, std::uint64_t charge_no) {
        return world.run([&](pb::Command& c) {
            c.mutable_create_refund()->set_intent_no(intent_no);
            c.mutable_create_refund()->set_charge_no(charge_no);
            c.mutable_create_refund()->set_amount(5);
        });
    };
    EXPECT_EQ(by(0, intent.latest_charge_no()).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(by(intent.no(), intent.latest_charge_no()).outcome(), pb::OUTCOME_OK);
    const auto mixed = by(intent.no(), other.latest_charge_no());
    EXPECT_EQ(mixed.outcome(), pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_EQ(mixed.error().param(), "charge");
    EXPECT_EQ(by(0, 0).outcome(), pb::OUTCOME_INVALID_PARAMETER);
}

}  // namespace
}  // namespace kontor::payments::testing

// When a merchant's money becomes available, also when refunds eat into what is not yet.
#include "domains/balances/funds.h"

#include "domains/balances/balances.h"
#include "domains/balances/funds.h"
#include "kontor/accounts.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

constexpr std::int64_t kToday = kStart / kDay * kDay;

class Funds : public ::testing::Test {
 protected:
    Funds() {
        world.make_merchant(0, 0, 2);
        customer = world.customer_with(1'000'000);
    }
    ~Funds() override { EXPECT_TRUE(world.verify().holds()); }
    std::uint64_t pay(std::int64_t amount) {
        return object_in(world.wallet(amount, customer), pb::payment_intent).no();
    }
    void expect(std::int64_t available, std::int64_t pending) {
        EXPECT_EQ(world.balance().available, available);
        EXPECT_EQ(world.balance().pending, pending);
        EXPECT_EQ(world.sum_of_transactions(), available + pending);
    }
    bool is_available(std::uint64_t intent) {
        return balances::find_balance_transaction(world.rows, world.scope,
                                                  world.charge_of(intent).balance_transaction_no())
            ->available();
    }
    World world;
    std::uint64_t customer = 0;
};

TEST_F(Funds, BecomeAvailableAtMidnightUtcAfterTheDelay) {
    const auto no = pay(100);
    expect(0, 100);
    EXPECT_EQ(next_due(domains::registry(), world.rows).utc_ms, kToday + 2 * kDay);
    world.now = kToday + 2 * kDay - 1;
    world.tick();
    expect(0, 100);
    EXPECT_FALSE(is_available(no));
    ++world.now;
    world.tick();
    expect(100, 0);
    EXPECT_TRUE(is_available(no));
    ASSERT_EQ(world.effects.audit_records.size(), 1U);
    EXPECT_EQ(world.effects.audit_records[0].transfer_ids_size(), 1);
    EXPECT_EQ(world.effects.audit_records[0].merchant_no(), world.scope.merchant_no);
    EXPECT_EQ(next_due(domains::registry(), world.rows).utc_ms, 0);
    world.tick();
    EXPECT_TRUE(world.effects.audit_records.empty());
}

TEST_F(Funds, ARefundUsesUpItsOwnChargeFirst) {
    const auto first = pay(100);
    world.now += kDay;
    const auto second = pay(100);
    EXPECT_EQ(world.refund(first, 100).outcome(), machine::outcome::ok);
    expect(0, 100);
    world.now = kToday + 2 * kDay;
    world.tick();
    expect(0, 100);  // the first charge's money is gone; the second's is not due
    EXPECT_TRUE(is_available(first));
    EXPECT_FALSE(is_available(second));
    world.now += kDay;
    world.tick();
    expect(100, 0);
}

TEST_F(Funds, WhatARefundTakesBeyondIsPaidByTheNextRelease) {
    const auto first = pay(100);
    world.now = kToday + 2 * kDay;
    world.tick();
    expect(100, 0);
    pay(50);
    world.now += kDay;
    pay(50);
    EXPECT_EQ(world.refund(first, 100).outcome(), machine::outcome::ok);
    expect(0, 100);
    const auto third = pay(10);
    world.now = kToday + 4 * kDay;
    world.tick();
    expect(50, 60);
    world.now = kToday + 5 * kDay;
    world.tick();
    expect(110, 0);
    EXPECT_TRUE(is_available(third));
}

TEST_F(Funds, DebtIsPaidBeforeAnythingIsReleased) {
    // Fee 10 %: the first charge brings 90; refunding 100 takes 10 of the others' waiting money.
    world.make_merchant(1'000, 0, 2);
    customer = world.customer_with(1'000);
    const auto first = pay(100);
    pay(100);
    world.now += kDay;
    pay(100);
    expect(0, 270);
    EXPECT_EQ(world.refund(first).outcome(), machine::outcome::ok);
    expect(0, 170);
    world.now = kToday + 2 * kDay;
    world.tick();
    expect(80, 90);  // the second charge's 90, less the 10
    world.now += kDay;
    world.tick();
    expect(170, 0);
}

TEST_F(Funds, AvailableIsTakenBeforePending) {
    const auto first = pay(100);
    world.now = kToday + 2 * kDay;
    world.tick();
    const auto second = pay(100);
    const auto result = world.refund(second, 100);
    EXPECT_EQ(object_in(result, pb::refund).from_available(), 100);
    EXPECT_EQ(object_in(result, pb::refund).from_pending(), 0);
    expect(0, 100);
    const auto split = world.refund(first, 100);
    EXPECT_EQ(object_in(split, pb::refund).from_pending(), 100);
    expect(0, 0);
    EXPECT_EQ(world.wallet_of(customer), 1'000'000);
    world.now += 3 * kDay;
    world.tick();
    expect(0, 0);
}

TEST_F(Funds, AFailedRefundReturnsToWhereItCameFrom) {
    const auto no = object_in(world.card(100), pb::payment_intent).no();
    const auto attempt = world.refund(no, 80).waiting_on();
    expect(0, 20);
    world.fail(attempt);
    expect(0, 100);  // not available earlier than without the refund
    world.now = kToday + 2 * kDay;
    world.tick();
    expect(100, 0);

    const auto other = object_in(world.card(100), pb::payment_intent).no();
    const auto late = world.refund(other, 150 - 50);
    EXPECT_EQ(object_in(late, pb::refund).from_available(), 100);
    const auto rest = world.refund(no, 70);
    EXPECT_EQ(object_in(rest, pb::refund).from_pending(), 70);
    expect(0, 30);
    world.now += 2 * kDay;
    world.tick();
    expect(30, 0);
    world.fail(rest.waiting_on());
    expect(30, 70);
    EXPECT_EQ(next_due(domains::registry(), world.rows).utc_ms, world.now);
    world.tick();
    expect(100, 0);
    world.succeed(late.waiting_on());
    expect(100, 0);
}

TEST_F(Funds, ManyAreReleasedInBoundedSteps) {
    for (int i = 0; i < 700; ++i) pay(10);
    world.now = kToday + 2 * kDay;
    world.tick();
    expect(static_cast<std::int64_t>(machine::limits::kDuePerEntry) * 10,
           (700 - static_cast<std::int64_t>(machine::limits::kDuePerEntry)) * 10);
    EXPECT_EQ(next_due(domains::registry(), world.rows).utc_ms, world.now);
    world.tick();
    expect(7'000, 0);
}

TEST_F(Funds, SeveralMerchantsModesAndCurrenciesInOneTick) {
    pay(100);
    const auto mine = world.scope;
    world.pay(
        "pm_wallet", 7,
        [&] {
            const auto c = world.make_customer();
            world.top_up(c, 100, kJpy);
            return c;
        }(),
        [](pb::Command&, pb::CreatePaymentIntent& p) { p.set_currency(kJpy); });
    world.make_merchant(0, 0, 1);
    world.wallet(30, world.customer_with(100));
    const auto other = world.scope;
    world.now += 3 * kDay;
    world.tick();
    EXPECT_EQ(world.effects.audit_records.size(), 2U);
    EXPECT_EQ(world.balance().available, 30);
    world.scope = mine;
    const auto lines = balances::merchant_balance(world.rows, world.scope);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].currency, kJpy);
    EXPECT_EQ(lines[0].available, 7);
    EXPECT_EQ(lines[1].available, 100);
    EXPECT_NE(mine, other);
}

TEST(Fee, IsFlooredAndCapped) {
    pb::Merchant merchant;
    merchant.set_fee_bps(250);
    merchant.set_fee_fixed_minor(30);
    EXPECT_EQ(balances::fee_of(merchant, 39), 30);  // 0.975 is floored
    EXPECT_EQ(balances::fee_of(merchant, 40), 31);
    EXPECT_EQ(balances::fee_of(merchant, 30), 30);
    EXPECT_EQ(balances::fee_of(merchant, 1), 1);
    EXPECT_EQ(balances::fee_of(merchant, 999'999'999'999), 24'999'999'999 + 30);
    merchant.set_fee_bps(10'000);
    EXPECT_EQ(balances::fee_of(merchant, 999'999'999'999), 999'999'999'999);
}

}  // namespace
}  // namespace kontor::payments::testing

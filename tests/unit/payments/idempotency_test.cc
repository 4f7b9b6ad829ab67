// The same request twice moves money once.
#include "kontor/balances_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/times.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

class Idempotency : public ::testing::Test {
 protected:
    Idempotency() { world.make_merchant(); }
    pb::Command keyed(pb::Command command, const std::string& key = "key-1", const std::string& hash = "h1") {
        command.set_idempotency_key(key);
        command.set_params_hash(hash);
        return command;
    }
    std::string object_bytes(const pb::Result& result) {
        return object_in(result, pb::payment_intent).SerializeAsString();
    }
    World world;
};

TEST_F(Idempotency, AReplayGivesTheFirstOutcomeAndChangesNoRow) {
    const auto customer = world.customer_with(100);
    const auto command = keyed(world.pay_command("pm_wallet", 60, customer));
    const auto first = world.apply(command);
    ASSERT_EQ(first.outcome(), machine::outcome::ok);
    EXPECT_FALSE(first.replayed());
    const auto rows = world.rows.rows();
    const auto second = world.apply(command);
    EXPECT_TRUE(second.replayed());
    EXPECT_EQ(second.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_bytes(second), object_bytes(first));
    EXPECT_EQ(world.rows.rows(), rows);
    EXPECT_TRUE(world.effects.audit_records.empty());
    EXPECT_EQ(world.wallet_of(customer), 40);
}

TEST_F(Idempotency, OtherParametersAreAMismatch) {
    const auto customer = world.customer_with(100);
    world.apply(keyed(world.pay_command("pm_wallet", 60, customer)));
    const auto rows = world.rows.rows();
    const auto other = world.apply(keyed(world.pay_command("pm_wallet", 61, customer), "key-1", "h2"));
    EXPECT_EQ(other.outcome(), machine::outcome::idempotency_mismatch);
    EXPECT_EQ(other.error().type(), "idempotency_error") << "as its record says";
    EXPECT_EQ(world.rows.rows(), rows);
}

TEST_F(Idempotency, DeclinesAreReplayedEvenWhenTheyWouldWorkNow) {
    const auto customer = world.customer_with(10);
    const auto command = keyed(world.pay_command("pm_wallet", 60, customer));
    EXPECT_EQ(world.apply(command).outcome(), outcome::insufficient_funds);
    world.top_up(customer, 100);
    const auto again = world.apply(command);
    EXPECT_EQ(again.outcome(), outcome::insufficient_funds);
    EXPECT_TRUE(again.replayed());
    EXPECT_EQ(world.wallet_of(customer), 110);
}

TEST_F(Idempotency, RefusedInputIsNotKept) {
    const auto command = keyed(world.pay_command("pm_wallet", 60));  // no customer
    const auto rows = world.rows.rows().size();
    EXPECT_EQ(world.apply(command).outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(world.rows.rows().size(), rows);
    const auto customer = world.customer_with(100);
    EXPECT_EQ(world.apply(keyed(world.pay_command("pm_wallet", 60, customer), "key-1", "other")).outcome(),
              machine::outcome::ok);
}

TEST_F(Idempotency, UnderWayIsInUseUntilTheChannelAnswers) {
    const auto command = keyed(world.pay_command("pm_card_visa", 60));
    const auto interim = world.apply(command);
    ASSERT_NE(interim.waiting_on(), 0U);
    const auto rows = world.rows.rows();
    EXPECT_EQ(world.apply(command).outcome(), machine::outcome::idempotency_in_use);
    EXPECT_EQ(world.rows.rows(), rows);
    const auto final = world.succeed(interim.waiting_on());
    const auto replayed = world.apply(command);
    EXPECT_TRUE(replayed.replayed());
    EXPECT_EQ(replayed.waiting_on(), 0U);
    EXPECT_EQ(object_bytes(replayed), object_bytes(final));
    EXPECT_EQ(object_in(replayed, pb::payment_intent).status(), pb::SUCCEEDED);
    EXPECT_EQ(world.audit_records.back().idempotency_key(), "key-1");
}

TEST_F(Idempotency, LostRacesAreNotKept) {
    const auto interim = world.pay("pm_card_visa", 60);
    const auto command = keyed(world.command([&](pb::Command& c) {
        mutable_body(c, pb::cancel_payment_intent)->set_no(object_in(interim, pb::payment_intent).no());
    }));
    EXPECT_EQ(world.apply(command).outcome(), machine::outcome::unexpected_state);
    world.fail(interim.waiting_on());
    EXPECT_EQ(world.apply(command).outcome(), machine::outcome::ok);
}

TEST_F(Idempotency, ScopeIsMerchantAndMode) {
    const auto customer = world.customer_with(100);
    world.apply(keyed(world.pay_command("pm_wallet", 60, customer)));
    world.make_merchant();
    const auto other =
        world.apply(keyed(world.command([](pb::Command& c) { mutable_body(c, pb::create_customer); })));
    EXPECT_EQ(other.outcome(), machine::outcome::ok);
    EXPECT_FALSE(other.replayed());
    world.scope.livemode = true;
    EXPECT_FALSE(
        world.apply(keyed(world.command([](pb::Command& c) { mutable_body(c, pb::create_customer); })))
            .replayed());
}

TEST_F(Idempotency, LongKeysDifferInTheirLastCharacter) {
    const std::string key(255, 'k');
    std::string sibling = key;
    sibling.back() = 'l';
    const auto create = world.command([](pb::Command& c) { mutable_body(c, pb::create_customer); });
    const auto first = world.apply(keyed(create, key));
    EXPECT_FALSE(world.apply(keyed(create, sibling)).replayed());
    const auto again = world.apply(keyed(create, key));
    EXPECT_TRUE(again.replayed());
    EXPECT_EQ(object_in(again, pb::customer).no(), object_in(first, pb::customer).no());
}

TEST_F(Idempotency, RecordsLiveADayAndAreThenCleanedUp) {
    const auto create = world.command([](pb::Command& c) { mutable_body(c, pb::create_customer); });
    for (int i = 0; i < 600; ++i) world.apply(keyed(create, "k" + std::to_string(i)));
    const auto open = keyed(world.pay_command("pm_card_visa", 60), "open");
    const auto attempt = world.apply(open).waiting_on();
    EXPECT_EQ(world.rows.count(17), 601U);
    const auto running = [&] { return last_times(world.rows).running_ms; };
    const std::int64_t due = world.next().running_ms;
    EXPECT_GE(due, running() + machine::limits::kIdempotencyKeepMs);
    EXPECT_LE(due, running() + machine::limits::kIdempotencyKeepMs + kHour);
    world.run_for(due - 1 - running());
    ASSERT_EQ(running(), due - 1);
    world.tick();
    EXPECT_EQ(world.rows.count(17), 601U);
    EXPECT_TRUE(world.apply(keyed(create, "k0")).replayed());
    world.now += 1;
    world.tick();
    EXPECT_EQ(world.rows.count(17), 601U - machine::limits::kDuePerEntry);  // bounded work an entry
    EXPECT_EQ(world.next().running_ms, due);
    world.tick();
    EXPECT_EQ(world.rows.count(17), 1U);  // the one under way stays
    EXPECT_EQ(world.apply(open).outcome(), machine::outcome::idempotency_in_use);
    EXPECT_FALSE(world.apply(keyed(create, "k0")).replayed());
    world.succeed(attempt);
    EXPECT_TRUE(world.apply(open).replayed());
    EXPECT_GT(world.next().running_ms, due);
}

// Started with a clock that is ahead, or after weeks off: whoever then sends again what had no answer.
TEST_F(Idempotency, AJumpOfTheClockForgetsNothing) {
    const auto customer = world.customer_with(100);
    const auto command = keyed(world.pay_command("pm_wallet", 60, customer));
    world.apply(command);
    for (int starts = 0; starts < 20; ++starts) {
        world.now += 3 * kDay;
        for (int ticks = 0; ticks < 5; ++ticks) world.tick();
        EXPECT_TRUE(world.apply(command).replayed());
    }
    EXPECT_EQ(world.wallet_of(customer), 40);
    world.run_for(machine::limits::kIdempotencyKeepMs + 2 * kHour);
    world.tick();
    EXPECT_FALSE(world.apply(command).replayed());  // nor is it kept for ever
}

TEST_F(Idempotency, ExpansionIsAsItWasAtThatMoment) {
    const auto customer = world.customer_with(100);
    auto command = keyed(world.pay_command("pm_wallet", 60, customer));
    command.add_expand("latest_charge.balance_transaction");
    command.add_expand("customer");
    const auto first = world.apply(command);
    std::multiset<std::uint32_t> kinds;
    for (const pb::Object& object : first.expanded().objects()) kinds.insert(object.kind());
    ASSERT_EQ(kinds, (std::multiset<std::uint32_t>{pb::kChargeFieldNumber, pb::kCustomerFieldNumber,
                                                   pb::kBalanceTransactionFieldNumber}));
    world.refund(object_in(first, pb::payment_intent).no(), 60);
    const auto replayed = world.apply(command);
    EXPECT_EQ(replayed.expanded().SerializeAsString(), first.expanded().SerializeAsString());

    auto by_card = keyed(world.pay_command("pm_card_visa", 60), "key-2");
    by_card.add_expand("latest_charge");
    const auto final = world.succeed(world.apply(by_card).waiting_on());
    EXPECT_EQ(final.expanded().objects_size(), 1);
    EXPECT_EQ(world.apply(by_card).expanded().objects_size(), 1);
}

}  // namespace
}  // namespace kontor::payments::testing

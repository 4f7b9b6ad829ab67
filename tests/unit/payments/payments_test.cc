// Payment intents by wallet, step by step: statuses, ledger, events.
#include "domains/balances/balances.h"
#include "domains/channels/outcomes.h"
#include "domains/customers/customers.h"
#include "domains/customers/limits.h"
#include "domains/refunds/outcomes.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/page.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

using pb::REQUIRES_CAPTURE, pb::REQUIRES_CONFIRMATION, pb::REQUIRES_PAYMENT_METHOD, pb::SUCCEEDED;

class Payments : public ::testing::Test {
 protected:
    Payments() { world.make_merchant(250, 30); }
    ~Payments() override {
        const auto report = world.verify();
        EXPECT_TRUE(report.holds()) << (report.problems.empty() ? "" : report.problems[0]);
        EXPECT_EQ(world.sum_of_transactions(), world.balance().available + world.balance().pending);
    }
    World world;
};

TEST_F(Payments, WalletPaymentMovesMoneyFeeAndEvents) {
    const auto customer = world.customer_with(10'000);
    const auto result = world.wallet(4'000, customer);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(result.waiting_on(), 0U);
    const auto& intent = object_in(result, pb::payment_intent);
    EXPECT_EQ(intent.status(), SUCCEEDED);
    EXPECT_EQ(intent.amount_received(), 4'000);
    EXPECT_EQ(intent.amount_capturable(), 0);
    EXPECT_EQ(intent.client_secret(), format_id(prefix::intent, intent.no()) + "_secret_s3cr3t");
    EXPECT_EQ(world.wallet_of(customer), 6'000);
    EXPECT_EQ(world.balance().available, 4'000 - 130);
    EXPECT_EQ(world.balance().pending, 0);
    const auto charge = world.charge(intent.latest_charge_no());
    EXPECT_TRUE(charge.captured());
    EXPECT_EQ(charge.fee(), 130);  // floor(4,000 * 2.5 %) + 30
    const auto txn =
        balances::find_balance_transaction(world.rows, world.scope, charge.balance_transaction_no());
    ASSERT_TRUE(txn);
    EXPECT_EQ(txn->amount(), 4'000);
    EXPECT_EQ(txn->fee(), 130);
    EXPECT_EQ(txn->net(), 3'870);
    EXPECT_TRUE(txn->available());
    EXPECT_EQ(txn->source_id(), format_id(prefix::charge, charge.no()));
    EXPECT_EQ(world.event_types(),
              (Types{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}));
    ASSERT_EQ(world.effects.audit_records.size(), 1U);
    EXPECT_EQ(world.effects.audit_records[0].transfer_ids_size(), 3);  // payment, fee, release
}

TEST_F(Payments, TheWholeFeeIsTakenAtMost) {
    const auto customer = world.customer_with(100);
    const auto result = world.wallet(20, customer);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(world.balance().available, 0);
    EXPECT_EQ(world.charge_of(object_in(result, pb::payment_intent).no()).fee(), 20);
}

TEST_F(Payments, CreateUpdateConfirmStepByStep) {
    const auto customer = world.customer_with(500);
    auto result = world.run([&](pb::Command& c) {
        mutable_body(c, pb::create_payment_intent)->set_amount(500);
        mutable_body(c, pb::create_payment_intent)->set_currency(kEur);
    });
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), REQUIRES_PAYMENT_METHOD);
    EXPECT_EQ(world.event_types(), Types{"payment_intent.created"});
    const auto no = object_in(result, pb::payment_intent).no();

    EXPECT_EQ(world.confirm(no).outcome(), outcome::missing_payment_method);
    result = world.confirm(no, "pm_wallet");
    EXPECT_EQ(result.outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(result.error().param(), "customer");
    EXPECT_EQ(world.intent(no).status(), REQUIRES_PAYMENT_METHOD);

    result = world.run([&](pb::Command& c) {
        auto& u = *mutable_body(c, pb::update_payment_intent);
        u.set_no(no);
        u.set_customer_no(customer);
        u.set_amount(300);
        *u.mutable_payment_method() = World::method("pm_wallet");
        u.set_description("three");
        auto& pair = *u.add_metadata();
        pair.set_key("order");
        pair.set_value("7");
    });
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), REQUIRES_CONFIRMATION);
    EXPECT_TRUE(world.event_types().empty());  // Stripe has none for it; projections read `changes`
    ASSERT_EQ(world.effects.audit_records.size(), 1U);
    EXPECT_EQ(object_in(world.effects.audit_records[0].changes(0), pb::payment_intent).description(),
              "three");

    result = world.confirm(no);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), SUCCEEDED);
    EXPECT_EQ(world.wallet_of(customer), 200);
    EXPECT_EQ(world.charge_of(no).metadata(0).value(), "7");
    EXPECT_EQ(audit_records_of_intent(world.rows, world.scope, no).size(), 3U);
}

TEST_F(Payments, InsufficientWalletIsADeclineThatExists) {
    const auto customer = world.customer_with(99);
    auto result = world.wallet(100, customer);
    EXPECT_EQ(result.outcome(), outcome::insufficient_funds);
    EXPECT_EQ(result.error().type(), "card_error");
    EXPECT_EQ(result.error().code(), "card_declined");
    EXPECT_EQ(result.error().decline_code(), "insufficient_funds");
    const auto no = object_in(result, pb::payment_intent).no();
    const auto intent = world.intent(no);
    EXPECT_EQ(intent.status(), REQUIRES_PAYMENT_METHOD);
    EXPECT_EQ(intent.last_payment_error().decline_code(), "insufficient_funds");
    EXPECT_TRUE(intent.payment_method().type().empty());
    EXPECT_EQ(intent.failed_payment_method().token(), "pm_wallet");
    EXPECT_EQ(world.charge_of(no).status(), pb::CHARGE_FAILED);
    EXPECT_EQ(world.event_types(),
              (Types{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}));
    EXPECT_EQ(world.wallet_of(customer), 99);

    ASSERT_EQ(world.top_up(customer, 1).outcome(), machine::outcome::ok);
    result = world.confirm(no, "pm_wallet");
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_FALSE(object_in(result, pb::payment_intent).has_last_payment_error());
    ListQuery charges;
    charges.intent_no = no;
    EXPECT_EQ(list_charges(world.rows, world.scope, charges).rows.size(), 2U);
    EXPECT_EQ(world.wallet_of(customer), 0);
}

TEST_F(Payments, ACustomerWithoutWalletIsInsufficient) {
    const auto customer = world.make_customer();
    EXPECT_EQ(world.wallet(1, customer).outcome(), outcome::insufficient_funds);
}

TEST_F(Payments, ManualCaptureReservesThenTakesAPartAndReleasesTheRest) {
    const auto customer = world.customer_with(1'000);
    auto result = world.authorize("pm_wallet", 800, customer);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), REQUIRES_CAPTURE);
    EXPECT_EQ(object_in(result, pb::payment_intent).amount_capturable(), 800);
    EXPECT_EQ(world.event_types(), (Types{"payment_intent.created", "charge.succeeded",
                                          "payment_intent.amount_capturable_updated"}));
    EXPECT_EQ(world.wallet_of(customer), 200);
    EXPECT_EQ(world.balance().available, 0);
    const auto no = object_in(result, pb::payment_intent).no();
    EXPECT_FALSE(world.charge_of(no).captured());
    // What is reserved cannot be spent twice.
    EXPECT_EQ(world.wallet(201, customer).outcome(), outcome::insufficient_funds);

    EXPECT_EQ(world.capture(no, 801).outcome(), outcome::amount_too_large);
    result = world.capture(no, 500);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), SUCCEEDED);
    EXPECT_EQ(object_in(result, pb::payment_intent).amount_received(), 500);
    EXPECT_EQ(object_in(result, pb::payment_intent).amount_capturable(), 0);
    EXPECT_EQ(world.event_types(), (Types{"charge.captured", "payment_intent.succeeded"}));
    EXPECT_EQ(world.wallet_of(customer), 500);
    EXPECT_EQ(world.charge_of(no).amount_captured(), 500);
    EXPECT_EQ(world.charge_of(no).amount(), 800);
    EXPECT_EQ(world.capture(no).outcome(), outcome::already_captured);
    EXPECT_EQ(world.cancel(no).outcome(), machine::outcome::unexpected_state);
}

TEST_F(Payments, CancelReleasesTheReservation) {
    const auto customer = world.customer_with(1'000);
    const auto no = object_in(world.authorize("pm_wallet", 800, customer), pb::payment_intent).no();
    const auto result = world.cancel(no);
    ASSERT_EQ(result.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(result, pb::payment_intent).status(), pb::CANCELED);
    EXPECT_EQ(object_in(result, pb::payment_intent).canceled_ms(), world.now);
    EXPECT_EQ(object_in(result, pb::payment_intent).cancellation_reason(), "requested_by_customer");
    EXPECT_EQ(world.wallet_of(customer), 1'000);
    EXPECT_EQ(world.event_types(), (Types{"payment_intent.canceled", "charge.updated"}));
    EXPECT_EQ(world.capture(no).outcome(), machine::outcome::unexpected_state);
    EXPECT_EQ(world.refund(no).outcome(), refunds::outcome::charge_not_refundable);
}

TEST_F(Payments, TopUpTellsTheBalanceAndHasALimit) {
    const auto customer = world.make_customer();
    EXPECT_EQ(world.top_up(customer, 700).wallet_balance(), 700);
    EXPECT_EQ(world.top_up(customer, 50, kJpy).wallet_balance(), 50);
    const auto result = world.top_up(customer, 300);
    EXPECT_EQ(result.wallet_balance(), 1'000);
    EXPECT_NE(result.command_no(), 0U);
    const auto lines = customers::wallet_balance(world.rows, world.scope, customer);
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].currency, kJpy);  // ascending by number
    EXPECT_EQ(lines[1].available, 1'000);
    EXPECT_EQ(world.top_up(customer, 1'000'000'000'000, kJpy).outcome(), machine::outcome::invalid_parameter);
    for (int i = 0; i < 1'000; ++i) {
        ASSERT_EQ(world.top_up(customer, 999'999'999'999, kJpy).outcome(), machine::outcome::ok);
    }
    const auto held = customers::wallet_balance(world.rows, world.scope, customer)[0].available;
    EXPECT_EQ(world.top_up(customer, customers::limits::kWalletMaxMinor - held, kJpy).wallet_balance(),
              customers::limits::kWalletMaxMinor);
    EXPECT_EQ(world.top_up(customer, 1, kJpy).outcome(), machine::outcome::limit_reached);
}

TEST_F(Payments, TestAndLiveNeverMeet) {
    const auto customer = world.customer_with(1'000);
    world.scope.livemode = true;
    EXPECT_EQ(world.wallet(10, customer).outcome(), machine::outcome::resource_missing);
    EXPECT_EQ(world.top_up(world.make_customer(), 10).outcome(), machine::outcome::testmode_only);
    EXPECT_EQ(world.pay("pm_card_visa", 10).outcome(), channels::outcome::no_channel);
    EXPECT_TRUE(balances::merchant_balance(world.rows, world.scope).empty());
    world.scope.livemode = false;
}

TEST_F(Payments, TimeNeverGoesBack) {
    const auto customer = world.make_customer();
    world.now -= kDay;
    world.make_customer();
    EXPECT_EQ(world.effects.now.machine_ms, kStart);
    EXPECT_EQ(customers::find_customer(world.rows, world.scope, customer)->created_ms(), kStart);
}

// The example of docs/formats/state.md.
TEST(State, KeysAreFrozen) {
    World world;
    world.rows.rows().clear();
    world.index = 0;
    world.make_merchant();
    EXPECT_EQ(world.scope.merchant_no, 0x80001U);
    const auto customer = world.customer_with(100);  // entries 2 and 3
    world.make_customer();
    pb::Batch batch = world.batch();
    *batch.add_commands() = world.command([](pb::Command& c) { mutable_body(c, pb::create_customer); });
    *batch.add_commands() = world.pay_command("pm_wallet", 10, customer);
    world.apply(batch);
    ASSERT_EQ(world.index, 5U);
    const auto has = [&](store::TableId table, const std::string& hex) {
        return world.rows.get(table, from_hex(hex).value()).has_value();
    };
    EXPECT_TRUE(has(21, "0000000000080001000000000000280401"));
    EXPECT_TRUE(has(26, "0000000000080001000000000000280400"));
    EXPECT_TRUE(has(27,
                    "0000000000080001000000000000280401"
                    "6a"
                    "0000000000280400"));
}

TEST_F(Payments, AuditRecordsAreChained) {
    const auto customer = world.customer_with(1'000);
    world.wallet(1, customer);
    world.wallet(2, customer);
    std::vector<pb::AuditRecord> seen;
    visit_audit_records(world.rows, world.scope, 0, 100, [&](const pb::AuditRecord& row) {
        seen.push_back(row);
        return true;
    });
    ASSERT_EQ(seen.size(), 4U);
    EXPECT_TRUE(seen[0].previous_hash().empty());
    ChainHasher chain;
    for (std::size_t i = 1; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i].previous_hash(), chain.hash(seen[i - 1].SerializeAsString())) << i;
        EXPECT_GT(seen[i].no(), seen[i - 1].no());
    }
}

}  // namespace
}  // namespace kontor::payments::testing

// Which commands need approval, and who may change that.

#include "desk.h"
#include "domains/approvals/permissions.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/money/money.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "support/methods.h"

namespace kontor::approvals::testing {
namespace {

class Policy : public ::testing::Test {
 protected:
    ~Policy() override { desk.expect_whole(); }

    pb::Command top_up(std::int64_t amount, std::uint32_t currency = kEur) {
        pb::Command command = desk.of_merchant(Desk::by(ada));
        auto& wanted = *mutable_body(command, pb::top_up_wallet);
        wanted.set_customer_no(customer);
        wanted.set_amount(amount);
        wanted.set_currency(currency);
        return command;
    }
    std::uint64_t make_customer() {
        pb::Command command = desk.of_merchant(Desk::by_system());
        mutable_body(command, pb::create_customer)->set_name("Carl");
        return object_in(desk.apply(command), pb::customer).no();
    }
    void expect_waits(const pb::Command& command, bool waits) {
        const auto before = desk.rows.rows();
        const auto result = desk.apply(command);
        EXPECT_EQ(result.outcome(), waits ? static_cast<std::uint32_t>(machine::outcome::awaiting_approval)
                                          : machine::outcome::ok.number)
            << result.error().message();
        desk.rows.rows() = before;
    }
    std::uint32_t number(std::string_view name) { return desk.number_of(name); }
    // A policy of one rule, whatever there was.
    void have(const pb::ApprovalRule& only) {
        auto result = desk.set_rules(ada, {only});
        if (result.outcome() == machine::outcome::awaiting_approval)
            result = desk.approve(bob, result.approval_no());
        ASSERT_EQ(result.outcome(), machine::outcome::ok) << result.error().message();
        ASSERT_EQ(find_policy(desk.rows).rules_size(), 1);
    }

    Desk desk;
    const std::uint64_t ada = desk.person("ada"), bob = desk.person("bob");
    const std::uint64_t customer = make_customer();
};

TEST_F(Policy, IsNothingAtFirst) {
    EXPECT_EQ(find_policy(desk.rows).revision(), 0U);
    EXPECT_EQ(desk.apply(Desk::create_merchant(Desk::by(ada))).outcome(), machine::outcome::ok);
}

TEST_F(Policy, BelowAnExemptionNobodyIsAsked) {
    have(rule(number("top_up_wallet"), {{kEur, 1'000}}));
    expect_waits(top_up(999), false);
    expect_waits(top_up(1'000), true);
    expect_waits(top_up(1, kUsd), true);  // a currency without exemption
    have(rule(number("top_up_wallet"), {{kEur, 1'000}, {kUsd, 10}}));
    expect_waits(top_up(9, kUsd), false);
    expect_waits(top_up(10, kUsd), true);
    have(rule(number("top_up_wallet")));
    expect_waits(top_up(1), true);
}

// The amount of a refund is in its charge when the command does not say it.
TEST_F(Policy, AnAmountMayBeThatOfTheObject) {
    pb::Command funds = top_up(10'000);
    funds.mutable_actor()->set_kind(pb::Actor::SYSTEM);
    ASSERT_EQ(desk.apply(funds).outcome(), machine::outcome::ok);
    pb::Command pay = desk.of_merchant(Desk::by_system());
    auto& intent = *mutable_body(pay, pb::create_payment_intent);
    intent.set_amount(3'000);
    intent.set_currency(kEur);
    intent.set_customer_no(customer);
    intent.set_confirm(true);
    *intent.mutable_payment_method() = kontor_test::method("pm_wallet");
    intent.set_client_secret_suffix("x");
    intent.set_manual_capture(true);
    const auto held = desk.apply(pay);
    ASSERT_EQ(held.outcome(), machine::outcome::ok) << held.error().message();
    const auto intent_no = object_in(held, pb::payment_intent).no();

    const auto capture = [&](std::int64_t amount) {
        pb::Command command = desk.of_merchant(Desk::by(ada));
        mutable_body(command, pb::capture_payment_intent)->set_no(intent_no);
        if (amount != 0) mutable_body(command, pb::capture_payment_intent)->set_amount_to_capture(amount);
        return command;
    };
    have(rule(number("capture_payment_intent"), {{kEur, 2'000}}));
    expect_waits(capture(0), true);
    expect_waits(capture(1'999), false);
    pb::Command all = capture(0);
    all.mutable_actor()->set_kind(pb::Actor::SYSTEM);
    ASSERT_EQ(desk.apply(all).outcome(), machine::outcome::ok);

    const auto refund = [&](std::int64_t amount, std::uint64_t of) {
        pb::Command command = desk.of_merchant(Desk::by(ada));
        mutable_body(command, pb::create_refund)->set_intent_no(of);
        if (amount != 0) mutable_body(command, pb::create_refund)->set_amount(amount);
        return command;
    };
    have(rule(number("create_refund"), {{kEur, 2'000}}));
    expect_waits(refund(1'999, intent_no), false);
    expect_waits(refund(2'000, intent_no), true);
    expect_waits(refund(0, intent_no), true);
    expect_waits(refund(1, 77), true);  // of nothing that is known
    pb::Command part = refund(1'500, intent_no);
    part.mutable_actor()->set_kind(pb::Actor::SYSTEM);
    ASSERT_EQ(desk.apply(part).outcome(), machine::outcome::ok);
    expect_waits(refund(0, intent_no), false);  // what is left is less
}

TEST_F(Policy, ToTightenItOneIsEnough) {
    have(rule(number("top_up_wallet"), {{kEur, 1'000}}));
    const auto tighten = [&](const std::vector<pb::ApprovalRule>& rules) {
        EXPECT_EQ(desk.set_rules(ada, rules).outcome(), machine::outcome::ok);
    };
    tighten({rule(number("top_up_wallet"), {{kEur, 1'000}}), rule(number("create_merchant"))});
    tighten({rule(number("top_up_wallet"), {{kEur, 999}}), rule(number("create_merchant"))});
    tighten({rule(number("create_merchant")), rule(number("top_up_wallet"))});
    const auto policy = find_policy(desk.rows);
    ASSERT_EQ(policy.rules_size(), 2);
    EXPECT_LT(policy.rules(0).command(), policy.rules(1).command()) << "in the order of the commands";
    EXPECT_EQ(policy.revision(), 4U);
}

TEST_F(Policy, ToLoosenItTakesTwo) {
    const std::vector<pb::ApprovalRule> now = {rule(number("top_up_wallet"), {{kEur, 1'000}}),
                                               rule(number("create_merchant"))};
    ASSERT_EQ(desk.set_rules(ada, now).outcome(), machine::outcome::ok);
    const std::vector<std::vector<pb::ApprovalRule>> looser = {
        {},
        {now[0]},
        {now[1]},
        {now[1], rule(number("top_up_wallet"), {{kEur, 1'001}})},
        {now[1], rule(number("top_up_wallet"), {{kEur, 1'000}, {kUsd, 1}})},
        {now[0], rule(number("create_api_key"))},
    };
    for (std::size_t i = 0; i < looser.size(); ++i) {
        SCOPED_TRACE(i);
        const auto waits = desk.set_rules(ada, looser[i]);
        EXPECT_EQ(waits.outcome(), machine::outcome::awaiting_approval);
        EXPECT_EQ(find_policy(desk.rows).revision(), 1U);
        EXPECT_EQ(desk.approve(ada, waits.approval_no()).outcome(), outcome::own_request);
        EXPECT_EQ(desk.reject(bob, waits.approval_no()).outcome(), machine::outcome::ok);
    }
    const auto off = desk.set_rules(ada, {});
    EXPECT_EQ(desk.approve(bob, off.approval_no()).outcome(), machine::outcome::ok);
    EXPECT_EQ(find_policy(desk.rows).rules_size(), 0);
    EXPECT_EQ(find_policy(desk.rows).revision(), 2U);
    EXPECT_EQ(desk.set_rules(ada, {}).outcome(), machine::outcome::ok) << "nothing is loosened any more";
}

// What was proposed from an older policy does not undo what was decided meanwhile.
TEST_F(Policy, AStaleChangeIsRefused) {
    have(rule(number("top_up_wallet")));
    const auto loosen = desk.set_rules(ada, {});
    ASSERT_EQ(loosen.outcome(), machine::outcome::awaiting_approval);
    ASSERT_EQ(desk.set_policy(bob, {"top_up_wallet", "create_merchant"}).outcome(), machine::outcome::ok);
    ASSERT_EQ(desk.approve(bob, loosen.approval_no()).outcome(), machine::outcome::ok);
    EXPECT_EQ(desk.request(loosen.approval_no()).status(), pb::APPROVAL_FAILED);
    EXPECT_EQ(desk.request(loosen.approval_no()).outcome(), outcome::policy_changed);
    EXPECT_EQ(find_policy(desk.rows).rules_size(), 2);
}

TEST_F(Policy, NeedsTwoWhoCouldDecide) {
    desk.give_role(bob, "clerk");
    EXPECT_EQ(desk.set_policy(ada, {"create_merchant"}).outcome(), outcome::too_few_people);
    desk.give_role(bob, "all");
    desk.disable(bob);
    EXPECT_EQ(desk.set_policy(ada, {"create_merchant"}).outcome(), outcome::too_few_people);
    EXPECT_EQ(desk.set_rules(ada, {}).outcome(), machine::outcome::ok) << "none needs nobody";
    desk.disable(bob, false);
    desk.give_role(bob, "judge");
    EXPECT_EQ(desk.set_policy(ada, {"create_merchant"}).outcome(), machine::outcome::ok);
}

TEST_F(Policy, NeedsItsPermission) {
    desk.give_role(ada, "gone");
    EXPECT_EQ(desk.set_policy(ada, {"create_merchant"}).outcome(), machine::outcome::permission_denied);
}

TEST_F(Policy, WhatIsNoRuleIsSaid) {
    const std::uint32_t top_up = number("top_up_wallet");
    const std::int64_t most = money::kMaxAmountMinor;
    const std::vector<std::vector<pb::ApprovalRule>> bad = {
        {rule(number("create_merchant"), {{kEur, 5}})},  // about no amount
        {rule(top_up, {{kEur, 0}})},
        {rule(top_up, {{kEur, -1}})},
        {rule(top_up, {{kEur, most + 1}})},
        {rule(top_up, {{0, 5}})},
        {rule(top_up, {{70'000, 5}})},
        {rule(top_up, {{kEur, 5}, {kEur, 6}})},
        {rule(top_up), rule(top_up)},
    };
    for (std::size_t i = 0; i < bad.size(); ++i) {
        const auto result = desk.set_rules(ada, bad[i]);
        EXPECT_EQ(result.outcome(), machine::outcome::invalid_parameter) << i;
        EXPECT_FALSE(result.error().message().empty());
    }
    EXPECT_EQ(desk.set_rules(ada, {rule(top_up, {{kEur, most}})}).outcome(), machine::outcome::ok);
}

}  // namespace
}  // namespace kontor::approvals::testing

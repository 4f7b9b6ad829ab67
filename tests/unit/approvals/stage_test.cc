// A command that waits for somebody else, and each way in which it ends.

#include "desk.h"
#include "domains/customers/customers.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/base/object_id.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/ledger/ledger.h"

namespace kontor::approvals::testing {
namespace {

constexpr store::TableId kApprovals = 39, kDue = 19;

class Stage : public ::testing::Test {
 protected:
    Stage() {
        EXPECT_EQ(desk.set_policy(ada, {"create_merchant", "delete_customer", "top_up_wallet",
                                        "open_channel_account"})
                      .outcome(),
                  machine::outcome::ok);
    }
    ~Stage() override { desk.expect_whole(); }

    std::uint64_t proposed(const std::string& name = "New") {
        pb::Command command = Desk::create_merchant(Desk::by(ada), name);
        command.set_reason("they asked for it");
        return desk.propose(command).approval_no();
    }
    std::uint64_t customer() {
        pb::Command command = desk.of_merchant(Desk::by_system());
        mutable_body(command, pb::create_customer)->set_name("Carl");
        return object_in(desk.apply(command), pb::customer).no();
    }
    pb::Command delete_customer(std::uint64_t no) {
        pb::Command command = desk.of_merchant(Desk::by(ada));
        mutable_body(command, pb::delete_customer)->set_no(no);
        return command;
    }
    void expect_ended(std::uint64_t request, pb::ApprovalStatus status) {
        EXPECT_EQ(desk.request(request).status(), status) << status_name(desk.request(request).status());
        EXPECT_EQ(count_pending(desk.rows), 0U);
    }
    // What one tries refuses, and changes nothing.
    template <typename Try>
    void expect_refused(const Outcome& outcome, Try attempt) {
        const auto before = desk.but_times();
        const pb::Result result = attempt();
        EXPECT_EQ(result.outcome(), outcome) << result.error().message();
        EXPECT_FALSE(result.error().message().empty());
        EXPECT_TRUE(desk.but_times() == before) << "nothing was changed";
    }

    Desk desk;
    const std::uint64_t ada = desk.person("ada"), bob = desk.person("bob"), eve = desk.person("eve");
};

TEST_F(Stage, WaitsAndIsNotRun) {
    const auto merchants = desk.rows.count(11);
    const auto no = proposed();
    EXPECT_EQ(desk.rows.count(11), merchants);
    const auto request = desk.request(no);
    EXPECT_EQ(request.status(), pb::APPROVAL_PENDING);
    EXPECT_EQ(request.proposer().no(), ada);
    EXPECT_EQ(request.reason(), "they asked for it");
    EXPECT_EQ(request.created_ms(), desk.now);
    EXPECT_EQ(request.ends_ms(), desk.now + limits::kRequestMs);
    EXPECT_EQ(count_pending(desk.rows), 1U);
    ASSERT_EQ(desk.effects.audit_records.size(), 1U);
    const pb::AuditRecord& audit_record = desk.effects.audit_records[0];
    EXPECT_EQ(audit_record.merchant_no(), 0U);
    EXPECT_EQ(audit_record.command(), "create_merchant");
    EXPECT_EQ(audit_record.approval().request_no(), no);
    EXPECT_EQ(audit_record.approval().proposer().no(), ada);
    EXPECT_FALSE(audit_record.approval().has_decider()) << "it was proposed, and not run";
}

TEST_F(Stage, OnlyWherePeopleProposeIt) {
    EXPECT_EQ(desk.apply(Desk::create_merchant(Desk::by_system())).outcome(), machine::outcome::ok);
    pb::Command top_up = desk.of_merchant(new_command(pb::Actor::API_KEY));
    mutable_body(top_up, pb::top_up_wallet)->set_customer_no(customer());
    mutable_body(top_up, pb::top_up_wallet)->set_amount(100);
    mutable_body(top_up, pb::top_up_wallet)->set_currency(kEur);
    EXPECT_EQ(desk.apply(top_up).outcome(), machine::outcome::ok) << "a merchant's program is no person";
}

TEST_F(Stage, RunsAtTheMomentOfTheApproval) {
    const auto no = proposed("Later");
    desk.now += kHour;
    const auto decided = desk.approve(bob, no, "looks right");
    ASSERT_EQ(decided.outcome(), machine::outcome::ok) << decided.error().message();
    const std::uint64_t place = make_object_no(kFirstGroup, desk.index, 0, 0);
    const auto request = object_in(decided, pb::approval_request);
    EXPECT_EQ(request.status(), pb::APPROVAL_EXECUTED);
    EXPECT_EQ(request.outcome(), machine::outcome::ok);
    EXPECT_EQ(request.decider().no(), bob);
    EXPECT_EQ(request.decided_ms(), desk.now);
    EXPECT_EQ(request.note(), "looks right");
    expect_ended(no, pb::APPROVAL_EXECUTED);
    pb::Merchant made;
    bool found = false;
    desk.rows.visit_table(11, [&](std::string_view, std::string_view value) {
        pb::Merchant row;
        if (row.ParseFromArray(value.data(), static_cast<int>(value.size())) && row.name() == "Later") {
            made = row;
            found = true;
        }
        return true;
    });
    ASSERT_TRUE(found);
    EXPECT_EQ(command_no(made.no()), place) << "its number is of the approval's place in the log";
    EXPECT_EQ(made.created_ms(), desk.now);
}

TEST_F(Stage, TheAuditRecordNamesBothPeopleAndTheReason) {
    const auto carl = customer();
    pb::Command command = delete_customer(carl);
    command.set_reason("asked by letter");
    const auto no = desk.propose(command).approval_no();
    ASSERT_EQ(desk.approve(bob, no).outcome(), machine::outcome::ok);
    ASSERT_EQ(desk.effects.audit_records.size(), 2U) << "the merchant's and the installation's";
    for (const pb::AuditRecord& audit_record : desk.effects.audit_records) {
        EXPECT_EQ(audit_record.command(), "delete_customer");
        EXPECT_EQ(audit_record.actor().no(), ada);
        EXPECT_EQ(audit_record.reason(), "asked by letter");
        EXPECT_EQ(audit_record.approval().request_no(), no);
        EXPECT_EQ(audit_record.approval().proposer().no(), ada);
        EXPECT_EQ(audit_record.approval().decider().no(), bob);
        EXPECT_EQ(audit_record.approval().decider().kind(), pb::Actor::OPERATOR);
    }
    const auto other = desk.propose(Desk::create_merchant(Desk::by(ada))).approval_no();
    ASSERT_EQ(desk.reject(bob, other, "no").outcome(), machine::outcome::ok);
    ASSERT_EQ(desk.effects.audit_records.size(), 1U);
    EXPECT_EQ(desk.effects.audit_records[0].command(), "reject_request");
    EXPECT_EQ(desk.effects.audit_records[0].approval().proposer().no(), ada);
    EXPECT_EQ(desk.effects.audit_records[0].approval().decider().no(), bob);
    EXPECT_EQ(desk.effects.audit_records[0].changes(0).object().GetExtension(pb::approval_request).note(),
              "no");
}

TEST_F(Stage, MoneyMovesOnce) {
    const auto carl = customer();
    pb::Command top_up = desk.of_merchant(Desk::by(ada));
    mutable_body(top_up, pb::top_up_wallet)->set_customer_no(carl);
    mutable_body(top_up, pb::top_up_wallet)->set_amount(500);
    mutable_body(top_up, pb::top_up_wallet)->set_currency(kEur);
    const auto no = desk.propose(top_up).approval_no();
    const Scope scope{desk.merchant, false};
    EXPECT_TRUE(customers::wallet_balance(desk.rows, scope, carl).empty());
    ASSERT_EQ(desk.approve(bob, no).outcome(), machine::outcome::ok);
    expect_refused(outcome::already_decided, [&] { return desk.approve(bob, no); });
    expect_refused(outcome::already_decided, [&] { return desk.approve(eve, no); });
    const auto lines = customers::wallet_balance(desk.rows, scope, carl);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].available, 500);
    EXPECT_TRUE(ledger::verify([&](store::TableId table, const store::Reader::Visitor& visit) {
                    desk.rows.visit_table(table, visit);
                }).holds());
}

TEST_F(Stage, WhoProposedItDoesNotDecide) {
    const auto no = proposed();
    expect_refused(outcome::own_request, [&] { return desk.approve(ada, no); });
    expect_refused(outcome::own_request, [&] { return desk.reject(ada, no); });
    EXPECT_EQ(desk.reject(bob, no).outcome(), machine::outcome::ok);
    expect_ended(no, pb::APPROVAL_REJECTED);
    expect_refused(outcome::already_decided, [&] { return desk.approve(bob, no); });
}

TEST_F(Stage, OnlyWhoProposedItTakesItBack) {
    const auto no = proposed();
    expect_refused(outcome::own_request, [&] { return desk.withdraw(bob, no); });
    EXPECT_EQ(desk.withdraw(ada, no).outcome(), machine::outcome::ok);
    expect_ended(no, pb::APPROVAL_WITHDRAWN);
    expect_refused(outcome::already_decided, [&] { return desk.withdraw(ada, no); });
}

TEST_F(Stage, NeitherAKeyNorAWorkerDecides) {
    const auto no = proposed();
    for (const auto kind : {pb::Actor::SYSTEM, pb::Actor::CHANNEL}) {
        pb::Command command = new_command(kind);
        command.mutable_actor()->set_no(bob);
        mutable_body(command, pb::approve_request)->set_no(no);
        expect_refused(outcome::own_request, [&] { return desk.apply(command); });
    }
    pb::Command command = new_command(pb::Actor::API_KEY);
    mutable_body(command, pb::approve_request)->set_no(no);
    expect_refused(machine::outcome::permission_denied, [&] { return desk.apply(command); });
    EXPECT_EQ(desk.withdraw(ada, no).outcome(), machine::outcome::ok);
}

TEST_F(Stage, WhoDecidesNeedsBothPermissions) {
    const auto no = proposed();
    desk.give_role(bob, "clerk");  // may make merchants, may not decide
    expect_refused(machine::outcome::permission_denied, [&] { return desk.approve(bob, no); });
    desk.give_role(bob, "judge");  // may decide, may not make merchants
    expect_refused(machine::outcome::permission_denied, [&] { return desk.approve(bob, no); });
    desk.give_role(bob, "gone");
    expect_refused(machine::outcome::permission_denied, [&] { return desk.reject(bob, no); });
    desk.give_role(bob, "all");
    desk.disable(bob);
    expect_refused(machine::outcome::permission_denied, [&] { return desk.approve(bob, no); });
    EXPECT_EQ(desk.request(no).status(), pb::APPROVAL_PENDING);
    EXPECT_EQ(desk.approve(eve, no).outcome(), machine::outcome::ok);
}

TEST_F(Stage, OfAProposerWhoMayNotAnyMoreItIsNotRun) {
    const auto merchants = desk.rows.count(11);
    const auto no = proposed();
    desk.give_role(ada, "judge");
    EXPECT_EQ(desk.approve(bob, no).outcome(), machine::outcome::ok);
    expect_ended(no, pb::APPROVAL_FAILED);
    EXPECT_EQ(desk.request(no).outcome(), machine::outcome::permission_denied);
    EXPECT_FALSE(desk.request(no).message().empty());
    EXPECT_EQ(desk.rows.count(11), merchants);
}

TEST_F(Stage, AnObjectThatIsGoneIsSaid) {
    const auto carl = customer();
    const auto first = desk.propose(delete_customer(carl)).approval_no();
    const auto second = desk.propose(delete_customer(carl)).approval_no();
    EXPECT_EQ(desk.approve(bob, first).outcome(), machine::outcome::ok);
    EXPECT_EQ(desk.approve(bob, second).outcome(), machine::outcome::ok);
    EXPECT_EQ(desk.request(first).status(), pb::APPROVAL_EXECUTED);
    EXPECT_EQ(desk.request(second).status(), pb::APPROVAL_FAILED);
    EXPECT_EQ(desk.request(second).outcome(), machine::outcome::resource_missing);
    EXPECT_NE(desk.request(second).message().find("No such customer"), std::string::npos);
}

TEST_F(Stage, ARequestThatIsNotThere) {
    expect_refused(machine::outcome::resource_missing, [&] { return desk.approve(bob, 77); });
    expect_refused(machine::outcome::resource_missing, [&] { return desk.reject(bob, 77); });
    expect_refused(machine::outcome::resource_missing, [&] { return desk.withdraw(bob, 77); });
}

TEST_F(Stage, WhatThePolicyDoesNotAskAboutAnyMoreStillWaits) {
    const auto no = proposed();
    const auto loosen = desk.set_policy(ada, {"delete_customer"});
    ASSERT_EQ(loosen.outcome(), machine::outcome::awaiting_approval);
    ASSERT_EQ(desk.approve(bob, loosen.approval_no()).outcome(), machine::outcome::ok);
    ASSERT_EQ(find_policy(desk.rows).rules_size(), 1);
    EXPECT_EQ(desk.apply(Desk::create_merchant(Desk::by(ada))).outcome(), machine::outcome::ok);
    expect_refused(outcome::own_request, [&] { return desk.approve(ada, no); });
    EXPECT_EQ(desk.approve(bob, no).outcome(), machine::outcome::ok);
    expect_ended(no, pb::APPROVAL_EXECUTED);
}

TEST_F(Stage, ExpiresAtItsMoment) {
    const auto last = proposed(), late = proposed();
    desk.now += limits::kRequestMs - 1;
    desk.tick();
    ASSERT_EQ(desk.approve(bob, last).outcome(), machine::outcome::ok) << "a millisecond before";
    desk.now += 1;
    expect_refused(outcome::request_expired, [&] { return desk.withdraw(ada, late); });
    EXPECT_EQ(desk.approve(bob, late).outcome(), outcome::request_expired)
        << "also before the Tick that says so";
    EXPECT_EQ(desk.request(late).status(), pb::APPROVAL_PENDING);
    desk.tick();
    expect_ended(late, pb::APPROVAL_EXPIRED);
    EXPECT_EQ(desk.request(late).decider().no(), 0U);
    expect_refused(outcome::request_expired, [&] { return desk.approve(bob, late); });
    ASSERT_EQ(desk.effects.audit_records.size(), 0U);
}

TEST_F(Stage, IsForgottenInTheEnd) {
    const auto no = proposed(), other = proposed();
    ASSERT_EQ(desk.reject(bob, no).outcome(), machine::outcome::ok);
    desk.now += limits::kRequestMs;
    desk.tick();
    expect_ended(other, pb::APPROVAL_EXPIRED);
    desk.now += limits::kKeptMs - limits::kRequestMs - 1;
    desk.tick();
    EXPECT_TRUE(find_request(desk.rows, no));
    desk.now += 1;
    desk.tick();
    EXPECT_FALSE(find_request(desk.rows, no));
    EXPECT_TRUE(find_request(desk.rows, other));
    desk.expect_whole();
    desk.now += limits::kRequestMs;
    desk.tick();
    EXPECT_FALSE(find_request(desk.rows, other));
    EXPECT_EQ(desk.rows.count(kApprovals), 2U) << "the policy and the count";
    std::size_t due = 0;
    desk.rows.visit_table(kDue,
                          [&](std::string_view key, std::string_view) { return due += key[1] == 10, true; });
    EXPECT_EQ(due, 0U);
}

TEST_F(Stage, TheSameCommandTwiceIsTheSameRequest) {
    pb::Command command = Desk::create_merchant(Desk::by(ada));
    command.set_idempotency_key("one");
    command.set_params_hash("hash");
    const auto first = desk.propose(command);
    const auto again = desk.propose(command);
    EXPECT_EQ(again.approval_no(), first.approval_no());
    EXPECT_TRUE(again.replayed());
    EXPECT_EQ(count_pending(desk.rows), 1U);
    ASSERT_EQ(desk.approve(bob, first.approval_no()).outcome(), machine::outcome::ok);
    EXPECT_EQ(desk.apply(command).approval_no(), first.approval_no()) << "and it is not run a second time";
    command.set_params_hash("other");
    EXPECT_EQ(desk.apply(command).outcome(), machine::outcome::idempotency_mismatch);
}

TEST_F(Stage, SecretsGoWithTheEnd) {
    pb::Command command = Desk::by(ada);
    auto& open = *mutable_body(command, pb::open_channel_account);
    open.set_connector("sandbox");
    open.set_name("Another");
    open.set_sealed_credentials("sealed-and-secret");
    open.add_serves()->set_type("card");
    const auto no = desk.propose(command).approval_no();
    EXPECT_NE(desk.request(no).stored().find("sealed-and-secret"), std::string::npos);
    for (const pb::AuditRecord& audit_record : desk.effects.audit_records)
        EXPECT_EQ(audit_record.SerializeAsString().find("sealed-and-secret"), std::string::npos);
    ASSERT_EQ(desk.reject(bob, no).outcome(), machine::outcome::ok);
    EXPECT_EQ(desk.request(no).stored().find("sealed-and-secret"), std::string::npos);
    pb::Command stored;
    ASSERT_TRUE(stored.ParseFromString(desk.request(no).stored()));
    EXPECT_EQ(body(stored, pb::open_channel_account).name(), "Another");
}

TEST_F(Stage, ListsByStatusInPages) {
    std::vector<std::uint64_t> made;
    for (int i = 0; i < 5; ++i) made.push_back(proposed());
    ASSERT_EQ(desk.reject(bob, made[1]).outcome(), machine::outcome::ok);
    const auto numbers = [](const std::vector<pb::ApprovalRequest>& requests) {
        std::vector<std::uint64_t> all;
        for (const auto& request : requests) all.push_back(request.no());
        return all;
    };
    using Numbers = std::vector<std::uint64_t>;
    EXPECT_EQ(numbers(list_requests(desk.rows, std::nullopt, 0, 3)), (Numbers{made[4], made[3], made[2]}));
    EXPECT_EQ(numbers(list_requests(desk.rows, std::nullopt, made[2], 3)), (Numbers{made[1], made[0]}));
    EXPECT_EQ(numbers(list_requests(desk.rows, pb::APPROVAL_PENDING, made[2], 3)), (Numbers{made[0]}));
    EXPECT_EQ(numbers(list_requests(desk.rows, pb::APPROVAL_REJECTED, 0, 3)), (Numbers{made[1]}));
    EXPECT_TRUE(list_requests(desk.rows, std::nullopt, 0, 0).empty());
}

}  // namespace
}  // namespace kontor::approvals::testing

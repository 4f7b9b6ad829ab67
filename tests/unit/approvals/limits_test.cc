// The limits of the stage, at their edges.

#include "desk.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/money/money.h"

namespace kontor::approvals::testing {
namespace {

class Limits : public ::testing::Test {
 protected:
    Limits() { EXPECT_EQ(desk.set_policy(ada, {"create_merchant"}).outcome(), machine::outcome::ok); }
    ~Limits() override { desk.expect_whole(); }
    pb::Result propose(std::uint64_t person) { return desk.apply(Desk::create_merchant(Desk::by(person))); }

    Desk desk;
    const std::uint64_t ada = desk.person("ada"), bob = desk.person("bob");
};

TEST_F(Limits, OfWaitingRequests) {
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < limits::kPendingPerOperator; ++i)
        last = desk.propose(Desk::create_merchant(Desk::by(ada))).approval_no();
    EXPECT_EQ(propose(ada).outcome(), machine::outcome::limit_reached);
    ASSERT_EQ(desk.withdraw(ada, last).outcome(), machine::outcome::ok);
    EXPECT_EQ(propose(ada).outcome(), machine::outcome::awaiting_approval);

    std::uint64_t waiting = limits::kPendingPerOperator;
    std::uint64_t somebody = bob;
    for (int n = 0; waiting < limits::kPending; ++waiting) {
        if (waiting % limits::kPendingPerOperator == 0) somebody = desk.person("p" + std::to_string(++n));
        last = desk.propose(Desk::create_merchant(Desk::by(somebody))).approval_no();
    }
    EXPECT_EQ(count_pending(desk.rows), limits::kPending);
    EXPECT_EQ(propose(bob).outcome(), machine::outcome::limit_reached);
    ASSERT_EQ(desk.reject(bob, last).outcome(), machine::outcome::ok);
    EXPECT_EQ(propose(bob).outcome(), machine::outcome::awaiting_approval);
    // All of them expire, a share in each Tick.
    desk.now += limits::kRequestMs;
    for (int ticks = 0; count_pending(desk.rows) != 0; ++ticks) {
        ASSERT_LT(ticks, 3);
        desk.tick();
    }
}

TEST_F(Limits, OfAStoredCommand) {
    const auto of_size = [&](std::size_t name) {
        return Desk::create_merchant(Desk::by(ada), std::string(name, 'n'));
    };
    const std::size_t rest = to_stored(of_size(limits::kStoredBytes / 2)).size() - limits::kStoredBytes / 2;
    const std::size_t most = limits::kStoredBytes - rest;
    ASSERT_EQ(to_stored(of_size(most)).size(), limits::kStoredBytes);
    EXPECT_EQ(desk.apply(of_size(most + 1)).outcome(), machine::outcome::limit_reached);
    EXPECT_EQ(desk.apply(of_size(most)).outcome(), machine::outcome::awaiting_approval);
}

TEST_F(Limits, OfANote) {
    const auto no = propose(ada).approval_no();
    for (const auto outcome_of : {desk.approve(bob, no, std::string(limits::kNoteBytes + 1, 'n')).outcome(),
                                  desk.reject(bob, no, std::string(limits::kNoteBytes + 1, 'n')).outcome()})
        EXPECT_EQ(outcome_of, machine::outcome::invalid_parameter);
    EXPECT_EQ(desk.approve(bob, no, std::string(limits::kNoteBytes, 'n')).outcome(), machine::outcome::ok);
}

TEST_F(Limits, OfRulesAndExemptions) {
    const auto number = desk.number_of("top_up_wallet");
    pb::Command command = Desk::by(ada);
    auto& set = *mutable_body(command, pb::set_approval_policy);
    set.set_revision(find_policy(desk.rows).revision());
    *set.add_rules() = rule(desk.number_of("create_merchant"));
    while (set.rules_size() < limits::kRules) *set.add_rules() = rule(number);
    EXPECT_EQ(desk.apply(command).outcome(), machine::outcome::invalid_parameter);
    *set.add_rules() = rule(number);
    EXPECT_EQ(desk.apply(command).outcome(), machine::outcome::limit_reached);

    std::vector<std::pair<std::uint32_t, std::int64_t>> exempt;
    for (std::uint16_t currency = 1; static_cast<int>(exempt.size()) <= limits::kExemptions; ++currency)
        if (money::Currency::from_numeric(currency)) exempt.emplace_back(currency, 5);
    const auto merchants = rule(desk.number_of("create_merchant"));
    EXPECT_EQ(desk.set_rules(ada, {merchants, rule(number, exempt)}).outcome(),
              machine::outcome::invalid_parameter);
    exempt.pop_back();
    EXPECT_EQ(desk.set_rules(ada, {merchants, rule(number, exempt)}).outcome(), machine::outcome::ok);
}

}  // namespace
}  // namespace kontor::approvals::testing

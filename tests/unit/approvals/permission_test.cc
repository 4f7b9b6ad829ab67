// What people and keys may do is decided by the state of the moment in which the command runs.

#include "desk.h"
#include "domains/roles.h"
#include "kontor/customers_bodies.pb.h"

namespace kontor::approvals::testing {
namespace {

constexpr store::TableId kIdempotency = 17;

class Permissions : public ::testing::Test {
 protected:
    pb::Command customer(pb::Actor::Kind kind, std::uint64_t no) {
        pb::Command command = desk.of_merchant(new_command(kind));
        command.mutable_actor()->set_no(no);
        mutable_body(command, pb::create_customer)->set_name("Ada");
        command.set_idempotency_key("one");
        command.set_params_hash("hash");
        return command;
    }
    void expect_refused(const pb::Command& command) {
        const auto before = desk.but_times();
        const auto result = desk.apply(command);
        EXPECT_EQ(result.outcome(), machine::outcome::permission_denied);
        EXPECT_FALSE(result.error().message().empty());
        EXPECT_TRUE(desk.but_times() == before) << "nothing was changed";
        EXPECT_TRUE(desk.effects.audit_records.empty());
    }
    Desk desk;
};

TEST_F(Permissions, OfAnOperatorAreThoseOfTheMoment) {
    const auto ada = desk.person("ada");
    const pb::Command command = customer(pb::Actor::OPERATOR, ada);
    desk.give_role(ada, "judge");
    expect_refused(command);
    desk.give_role(ada, "gone");
    expect_refused(command);
    desk.give_role(ada, "all");
    desk.disable(ada);
    expect_refused(command);
    expect_refused(customer(pb::Actor::OPERATOR, ada + 1));
    expect_refused(customer(pb::Actor::OPERATOR, 0));
    EXPECT_EQ(desk.rows.count(kIdempotency), 0U) << "the same key may be used again";
    desk.disable(ada, false);
    EXPECT_EQ(desk.apply(command).outcome(), machine::outcome::ok);
    EXPECT_EQ(desk.rows.count(kIdempotency), 1U);
    desk.disable(ada);
    expect_refused(command);  // also a replay: who lost the permission learns nothing
}

TEST_F(Permissions, OfAKeyAreThoseOfItsRole) {
    const Role& role = *domains::role(domains::kSecretKey);
    std::size_t may = 0, may_not = 0;
    for (const Domain* domain : desk.registry.domains()) {
        for (const machine::Command& record : domain->commands) {
            SCOPED_TRACE(record.name.value);
            EXPECT_EQ(desk.registry.keys_may(record.number), role.may(*record.permission.value));
            if (role.may(*record.permission.value)) {
                ++may;
                continue;
            }
            ++may_not;
            expect_refused(
                Desk::empty_body(desk.of_merchant(new_command(pb::Actor::API_KEY)), record.number));
        }
    }
    EXPECT_FALSE(desk.registry.keys_may(9'999));
    EXPECT_EQ(desk.apply(customer(pb::Actor::API_KEY, 5)).outcome(), machine::outcome::ok);
    EXPECT_GT(may, 15U);
    EXPECT_GT(may_not, 15U);
}

// Rows that are looked up.
class Counting : public store::Writer {
 public:
    explicit Counting(kontor::testing::MemoryRows& rows) : rows_(rows) {}
    std::optional<std::string_view> get(store::TableId table, std::string_view key) const override {
        ++reads;
        return rows_.get(table, key);
    }
    void scan(store::TableId table, std::string_view low, std::string_view high, store::Direction direction,
              const Visitor& visit) const override {
        ++reads;
        rows_.scan(table, low, high, direction, visit);
    }
    void put(store::TableId table, std::string_view key, std::string_view value) override {
        rows_.put(table, key, value);
    }
    void erase(store::TableId table, std::string_view key) override { rows_.erase(table, key); }
    mutable std::size_t reads = 0;

 private:
    kontor::testing::MemoryRows& rows_;
};

// It is asked on the way of each payment.
TEST_F(Permissions, OfAKeyCostNoRow) {
    const auto ada = desk.person("ada");
    const auto before = desk.rows.rows();
    const auto reads_of = [&](pb::Actor::Kind kind, std::uint64_t no) {
        desk.rows.rows() = before;
        Counting rows(desk.rows);
        pb::Batch batch = new_batch(std::string(kSaltBytes, 's'));
        batch.set_machine_ms(desk.now);
        batch.set_utc_ms(desk.now);
        *batch.add_commands() = customer(kind, no);
        Effects effects;
        desk.machine.apply(rows, desk.index + 1, batch, effects);
        EXPECT_EQ(effects.results.at(0).outcome(), machine::outcome::ok);
        return rows.reads;
    };
    const std::size_t unasked = reads_of(pb::Actor::SYSTEM, 0);
    EXPECT_EQ(reads_of(pb::Actor::API_KEY, 5), unasked);
    EXPECT_EQ(reads_of(pb::Actor::OPERATOR, ada), unasked + 1) << "the operator's row";
}

TEST_F(Permissions, AKindOfActorThatNobodyKnowsMayNothing) {
    pb::Command command = desk.of_merchant(Desk::by_system());
    command.mutable_actor()->set_kind(static_cast<pb::Actor::Kind>(9));
    mutable_body(command, pb::create_customer)->set_name("Ada");
    expect_refused(command);
}

TEST_F(Permissions, AReasonHasALimit) {
    const auto ada = desk.person("ada");
    pb::Command command = customer(pb::Actor::OPERATOR, ada);
    command.set_reason(std::string(machine::limits::kReasonBytes, 'r'));
    ASSERT_EQ(desk.apply(command).outcome(), machine::outcome::ok);
    EXPECT_EQ(desk.effects.audit_records.at(0).reason(), command.reason());
    for (const std::string& bad :
         {std::string(machine::limits::kReasonBytes + 1, 'r'), std::string("\xC3")}) {
        command.set_reason(bad);
        EXPECT_EQ(desk.apply(command).outcome(), machine::outcome::invalid_parameter);
    }
    desk.expect_whole();
}

}  // namespace
}  // namespace kontor::approvals::testing

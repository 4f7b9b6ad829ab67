#include "desk.h"

#include <algorithm>
#include <array>

#include "domains/approvals/permissions.h"
#include "domains/operators/operators.h"
#include "domains/operators/permissions.h"
#include "domains/roles.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/machine/wire.h"
#include "kontor/operators_bodies.pb.h"

namespace kontor::approvals::testing {
namespace {

constexpr store::TableId kOperators = 13;

struct DeskRoles {
    std::vector<const Permission*> all, clerk;
    std::array<const Permission*, 3> judge = {&permission::read, &permission::decide, &permission::policy};
    std::vector<Role> roles;

    DeskRoles() {
        for (const Domain* domain : domains::registry().domains()) {
            for (const machine::Command& command : domain->commands) {
                const Permission* const one = command.permission.value;
                if (one == &kPlatform || std::find(all.begin(), all.end(), one) != all.end()) continue;
                all.push_back(one);
            }
        }
        for (const Permission* one : all)
            if (one != &permission::decide) clerk.push_back(one);
        const auto role = [](std::string_view name, const auto& permissions) {
            return Role{name, std::span<const Permission* const>(permissions)};
        };
        roles = {role("all", all), role("owner", all), role("clerk", clerk), role("judge", judge),
                 *domains::role(domains::kSecretKey)};
    }
};

}  // namespace

std::span<const Role> desk_roles() {
    static const DeskRoles all;
    return all.roles;
}

const Registry& Desk::own_registry() {
    static const Registry all(domains::registry().domains(), desk_roles(), domains::kSecretKey);
    return all;
}

Desk::Desk(const Registry& the_registry)
    : registry(the_registry), rows(the_registry.tables()), machine(the_registry) {
    const auto made = apply(create_merchant(by_system()));
    EXPECT_EQ(made.outcome(), machine::outcome::ok) << made.error().message();
    merchant = object_in(made, pb::merchant).no();
}

std::uint64_t Desk::person(const std::string& name, const std::string& role) {
    std::string token(kHashBytes, 't');
    token[0] = static_cast<char>(++tokens_);
    token[1] = static_cast<char>(tokens_ >> 8U);
    pb::Command make = by_system();
    mutable_body(make, pb::create_setup_token)->set_token_sha256(token);
    mutable_body(make, pb::create_setup_token)->set_lifetime_ms(kHour);
    EXPECT_EQ(apply(make).outcome(), machine::outcome::ok);
    pb::Command use = by_system();
    mutable_body(use, pb::set_up_operator)->set_token_sha256(token);
    mutable_body(use, pb::set_up_operator)->set_name(name);
    const auto made = apply(use);
    EXPECT_EQ(made.outcome(), machine::outcome::ok) << made.error().message();
    const std::uint64_t no = object_in(made, pb::operator_).no();
    give_role(no, role);
    return no;
}

void Desk::change(std::uint64_t person, const std::function<void(pb::Operator&)>& edit) {
    auto row = operators::find_operator(rows, person);
    ASSERT_TRUE(row);
    edit(*row);
    rows.put(kOperators, Key().byte('o').byte('#').be64(person).view(), row->SerializeAsString());
}
void Desk::give_role(std::uint64_t person, const std::string& role) {
    change(person, [&](pb::Operator& row) { row.set_role(role); });
}
void Desk::disable(std::uint64_t person, bool disabled) {
    change(person, [&](pb::Operator& row) { row.set_disabled(disabled); });
}

pb::Result Desk::apply(const pb::Command& command) {
    pb::Batch batch = new_batch(std::string(kSaltBytes, 's'));
    batch.set_machine_ms(now);
    batch.set_utc_ms(now);
    *batch.add_commands() = command;
    machine.apply(rows, ++index, batch, effects);
    return effects.results.at(0);
}

pb::Command Desk::by(std::uint64_t person) {
    pb::Command command = new_command(pb::Actor::OPERATOR);
    command.mutable_actor()->set_no(person);
    command.mutable_actor()->set_ip("192.0.2.7");
    command.set_request_id("req_1");
    return command;
}
pb::Command Desk::by_system() {
    return new_command(pb::Actor::SYSTEM);
}
pb::Command Desk::of_merchant(pb::Command command) const {
    command.set_merchant_no(merchant);
    return command;
}
pb::Command Desk::create_merchant(pb::Command command, const std::string& name) {
    mutable_body(command, pb::create_merchant)->set_name(name);
    return command;
}
pb::Command Desk::empty_body(pb::Command command, std::uint32_t kind) {
    command.set_kind(kind);
    std::string bytes = command.SerializeAsString();
    put_varint(bytes, (std::uint64_t{kind} << 3U) | 2U);
    put_varint(bytes, 0);
    EXPECT_TRUE(command.ParseFromString(bytes));
    return command;
}

pb::ApprovalRule rule(std::uint32_t command, std::vector<std::pair<std::uint32_t, std::int64_t>> exempt) {
    pb::ApprovalRule made;
    made.set_command(command);
    for (const auto& [currency, below] : exempt) {
        made.add_exempt()->set_currency(currency);
        made.mutable_exempt(made.exempt_size() - 1)->set_below_minor(below);
    }
    return made;
}

std::uint32_t Desk::number_of(std::string_view name) const {
    for (const Domain* domain : registry.domains())
        for (const machine::Command& command : domain->commands)
            if (command.name.value == name) return command.number;
    ADD_FAILURE() << "no command " << name;
    return 0;
}

pb::Result Desk::set_rules(std::uint64_t person, const std::vector<pb::ApprovalRule>& rules) {
    pb::Command command = by(person);
    auto& set = *mutable_body(command, pb::set_approval_policy);
    set.set_revision(find_policy(rows).revision());
    for (const pb::ApprovalRule& one : rules) *set.add_rules() = one;
    return apply(command);
}
pb::Result Desk::set_policy(std::uint64_t person, const std::vector<std::string>& commands) {
    std::vector<pb::ApprovalRule> rules;
    rules.reserve(commands.size());
    for (const std::string& name : commands) rules.push_back(rule(number_of(name)));
    return set_rules(person, rules);
}

pb::Result Desk::propose(const pb::Command& command) {
    auto result = apply(command);
    EXPECT_EQ(result.outcome(), machine::outcome::awaiting_approval) << result.error().message();
    EXPECT_NE(result.approval_no(), 0U);
    return result;
}
pb::Result Desk::approve(std::uint64_t person, std::uint64_t request, const std::string& note) {
    pb::Command command = by(person);
    mutable_body(command, pb::approve_request)->set_no(request);
    mutable_body(command, pb::approve_request)->set_note(note);
    if (const auto found = find_request(rows, request)) {
        pb::Command stored;
        EXPECT_TRUE(stored.ParseFromString(found->stored()));
        mutable_body(command, pb::approve_request)->set_weight(command_weight(registry, stored));
    }
    return apply(command);
}
pb::Result Desk::reject(std::uint64_t person, std::uint64_t request, const std::string& note) {
    pb::Command command = by(person);
    mutable_body(command, pb::reject_request)->set_no(request);
    mutable_body(command, pb::reject_request)->set_note(note);
    return apply(command);
}
pb::Result Desk::withdraw(std::uint64_t person, std::uint64_t request) {
    pb::Command command = by(person);
    mutable_body(command, pb::withdraw_request)->set_no(request);
    return apply(command);
}
pb::ApprovalRequest Desk::request(std::uint64_t no) const {
    auto found = find_request(rows, no);
    EXPECT_TRUE(found);
    return found.value_or(pb::ApprovalRequest());
}
void Desk::tick() {
    pb::Command command = by_system();
    mutable_body(command, pb::tick);
    EXPECT_EQ(apply(command).outcome(), machine::outcome::ok);
}

kontor::testing::MemoryRows::Rows Desk::but_times() const {
    auto all = rows.rows();
    all.erase({table::instance, std::string(last_times_key().view())});
    return all;
}

AuditReport Desk::audit() const {
    return kontor::machine::audit(registry, rows,
                                  [this](store::TableId table, const store::Reader::Visitor& visit) {
                                      rows.visit_table(table, visit);
                                  });
}
void Desk::expect_whole() const {
    const AuditReport report = audit();
    for (const Break& broken : report.breaks)
        ADD_FAILURE() << broken.domain << ": " << broken.invariant << ": " << broken.first;
}

}  // namespace kontor::approvals::testing

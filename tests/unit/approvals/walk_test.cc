// Every command whose record says by_policy goes through the stage, and none of their folders knows of it:
// what comes of it is what would have come of the command alone. A command of a domain that only this test
// has goes through it as well.

#include "desk.h"
#include "domains/roles.h"
#include "kontor/machine/check.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::approvals::testing {
namespace {

std::vector<const machine::Command*> all_by_policy(const Registry& registry) {
    std::vector<const machine::Command*> found;
    for (const Domain* domain : registry.domains())
        for (const machine::Command& command : domain->commands)
            if (command.approval.value.may_be_asked.value) found.push_back(&command);
    return found;
}

TEST(Walk, EachCommandThatMayBeAskedAboutGoesThroughTheStage) {
    Desk desk;
    const auto ada = desk.person("ada"), bob = desk.person("bob");
    const auto commands = all_by_policy(desk.registry);
    std::vector<std::string> names;
    for (const machine::Command* command : commands) names.emplace_back(command->name.value);
    ASSERT_EQ(desk.set_policy(ada, names).outcome(), machine::outcome::ok);
    EXPECT_GE(commands.size(), 11U);
    for (const machine::Command* command : commands) {
        SCOPED_TRACE(command->name.value);
        pb::Command wanted = Desk::empty_body(desk.of_merchant(Desk::by(ada)), command->number);
        if (command->number == pb::kSetApprovalPolicyFieldNumber)  // a stale one is refused at once
            mutable_body(wanted, pb::set_approval_policy)->set_revision(find_policy(desk.rows).revision());
        const auto no = desk.propose(wanted).approval_no();
        EXPECT_EQ(desk.request(no).command(), command->number.value);
        const auto before = desk.rows.rows();
        pb::Command alone = wanted;
        alone.mutable_actor()->set_kind(pb::Actor::SYSTEM);
        const pb::Result direct = desk.apply(alone);
        desk.rows.rows() = before;
        const auto decided = desk.approve(bob, no);
        ASSERT_EQ(decided.outcome(), machine::outcome::ok) << decided.error().message();
        const auto request = desk.request(no);
        EXPECT_EQ(request.outcome(), direct.outcome()) << request.message();
        EXPECT_EQ(request.message(), direct.error().message());
        EXPECT_EQ(request.status(),
                  direct.outcome() == machine::outcome::ok ? pb::APPROVAL_EXECUTED : pb::APPROVAL_FAILED);
        desk.expect_whole();
    }
}

TEST(Walk, WhatMayNotBeAskedAboutIsNoRule) {
    Desk desk;
    const auto ada = desk.person("ada");
    desk.person("bob");
    for (const Domain* domain : desk.registry.domains()) {
        for (const machine::Command& command : domain->commands) {
            if (command.approval.value.may_be_asked.value) continue;
            EXPECT_EQ(desk.set_rules(ada, {rule(command.number)}).outcome(),
                      machine::outcome::invalid_parameter)
                << command.name.value;
        }
    }
    EXPECT_EQ(desk.set_rules(ada, {rule(9'999)}).outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(desk.set_rules(ada, {rule(0)}).outcome(), machine::outcome::invalid_parameter);
}

// ---- a domain that nobody else has

constexpr Permission kToyPermission{"toys.write"};
constexpr std::uint64_t kToyWeight = 100;
std::uint64_t toy_runs = 0;

std::uint64_t heavy(const pb::Command& /*command*/) {
    return kToyWeight;
}
pb::Result play(Context& context) {
    ++toy_runs;
    context.audit_record(kInstanceScope);
    return {};
}
constexpr std::array kToyFields = {
    CommandField{.number = 1U, .name = "toy", .shown = Shown::text},
};
constexpr std::array kToyCommands = {
    machine::Command{
        .number = 990U,
        .name = "play",
        .concerns = Concerns::instance,
        .since = kFirstFeatureLevel,
        .permission = &kToyPermission,
        .approval = Approval::by_policy(kToyFields, kNoAmount),
        .repeatable = Repeatable::no,
        .peers = Peers::never,
        .weight = &heavy,
        .outcomes = std::span<const Outcome* const>(),
        .run = &play,
    },
};
constexpr Domain kToys = {.name = "toys", .commands = kToyCommands};
constexpr std::array<const Domain*, 1> kToyDomains = {&kToys};
static_assert(approvals_are_sound(kToyDomains));

constexpr std::array<const Permission*, 1> kPlayerMay = {&kToyPermission};

TEST(Walk, ADomainThatOnlyThisTestHas) {
    std::vector<const Domain*> domains(domains::registry().domains().begin(),
                                       domains::registry().domains().end());
    domains.push_back(&kToys);
    std::vector<const Permission*> everything(desk_roles()[0].permissions.value.begin(),
                                              desk_roles()[0].permissions.value.end());
    everything.push_back(&kToyPermission);
    std::vector<Role> roles(desk_roles().begin(), desk_roles().end());
    roles[0].permissions = std::span<const Permission* const>(everything);
    roles.push_back({"player", std::span<const Permission* const>(kPlayerMay)});
    const Registry registry(domains, roles, domains::kSecretKey);
    Desk desk(registry);
    const auto ada = desk.person("ada"), bob = desk.person("bob"), kid = desk.person("kid", "player");
    ASSERT_EQ(desk.set_policy(ada, {"play"}).outcome(), machine::outcome::ok);
    pb::Command command = Desk::by(kid);
    command.set_kind(990);
    const auto no = desk.propose(command).approval_no();
    EXPECT_EQ(toy_runs, 0U);

    // What it weighs counts for the entry, and is not forgotten.
    pb::Command approve = Desk::by(bob);
    mutable_body(approve, pb::approve_request)->set_no(no);
    EXPECT_EQ(command_weight(registry, approve), 1U);
    mutable_body(approve, pb::approve_request)->set_weight(kToyWeight - 1);
    EXPECT_EQ(desk.apply(approve).outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(toy_runs, 0U);
    mutable_body(approve, pb::approve_request)->set_weight(kToyWeight);
    EXPECT_EQ(command_weight(registry, approve), kToyWeight);
    EXPECT_EQ(desk.apply(approve).outcome(), machine::outcome::ok);
    EXPECT_EQ(toy_runs, 1U);
    EXPECT_EQ(desk.request(no).status(), pb::APPROVAL_EXECUTED);
    ASSERT_EQ(desk.effects.audit_records.size(), 1U);
    EXPECT_EQ(desk.effects.audit_records[0].command(), "play");
    desk.expect_whole();
}

}  // namespace
}  // namespace kontor::approvals::testing

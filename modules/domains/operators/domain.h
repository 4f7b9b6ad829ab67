#pragma once
// Operators, their sessions and set-up links: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/operators/commands.h"
#include "domains/operators/invariants.h"
#include "domains/operators/operators.h"
#include "domains/operators/outcomes.h"
#include "domains/operators/permissions.h"
#include "domains/operators/tables.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"
#include "kontor/operators_bodies.pb.h"

namespace kontor::operators {

inline constexpr std::array<const machine::Outcome*, 1> kOutcomes = {&outcome::locked};

inline constexpr std::array<const machine::Outcome*, 1> kOutcomesOfOpenSession = {&outcome::locked};

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateSetupTokenFieldNumber,
        .name = "create_setup_token",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_setup_token, &create_setup_token>,
    },
    machine::Command{
        .number = pb::kSetUpOperatorFieldNumber,
        .name = "set_up_operator",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::set_up_operator, &set_up_operator>,
    },
    machine::Command{
        .number = pb::kOpenSessionFieldNumber,
        .name = "open_session",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfOpenSession),
        .run = &machine::run_body<pb::open_session, &open_session>,
    },
    machine::Command{
        .number = pb::kCloseSessionFieldNumber,
        .name = "close_session",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::close_session, &close_session>,
    },
    machine::Command{
        .number = pb::kLoginFailedFieldNumber,
        .name = "login_failed",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::login_failed, &login_failed>,
    },
};
// clang-format on

inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kSessionDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = machine::kHashBytes,
                      .work = &machine::erase_in<table::sessions>},
    machine::DueQueue{.kind = kSetupTokenDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = machine::kHashBytes,
                      .work = &machine::erase_in<table::setup_tokens>},
};

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "operators are found by their names, and sessions end",
                       .check = &check_operators},
};

inline constexpr machine::Domain kDomain = {
    .name = "operators",
    .commands = kCommands,
    .outcomes = kOutcomes,
    .tables = kTables,
    .due = kDue,
    .invariants = kInvariants,
    .role_of = &role_of,
};

}  // namespace kontor::operators

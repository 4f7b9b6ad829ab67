#pragma once
// Requests for approval and their policy: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/approvals/commands.h"
#include "domains/approvals/invariants.h"
#include "domains/approvals/outcomes.h"
#include "domains/approvals/permissions.h"
#include "domains/approvals/tables.h"
#include "kontor/approvals_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::approvals {

inline constexpr std::array<const machine::Outcome*, 5> kOutcomes = {
    &outcome::already_decided, &outcome::request_expired, &outcome::own_request, &outcome::policy_changed,
    &outcome::too_few_people};
inline constexpr std::array<const machine::Outcome*, 3> kOutcomesOfDecisions = {
    &outcome::already_decided, &outcome::request_expired, &outcome::own_request};
inline constexpr std::array<const machine::Outcome*, 2> kOutcomesOfPolicy = {&outcome::policy_changed,
                                                                             &outcome::too_few_people};

// clang-format off
inline constexpr std::array kExemptionFields = {
    machine::CommandField{.number = pb::ApprovalExemption::kCurrencyFieldNumber, .name = "currency", .shown = machine::Shown::currency},
    machine::CommandField{.number = pb::ApprovalExemption::kBelowMinorFieldNumber, .name = "below", .shown = machine::Shown::integer},
};
inline constexpr std::array kRuleFields = {
    machine::CommandField{.number = pb::ApprovalRule::kCommandFieldNumber, .name = "command", .shown = machine::Shown::command},
    machine::CommandField{.number = pb::ApprovalRule::kExemptFieldNumber, .name = "exempt", .shown = machine::Shown::messages, .parts = kExemptionFields},
};
inline constexpr std::array kSetPolicyFields = {
    machine::CommandField{.number = pb::SetApprovalPolicy::kRevisionFieldNumber, .name = "revision", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::SetApprovalPolicy::kRulesFieldNumber, .name = "rules", .shown = machine::Shown::messages, .parts = kRuleFields},
};

inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kSetApprovalPolicyFieldNumber,
        .name = "set_approval_policy",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::policy,
        .approval = machine::Approval::by_policy(kSetPolicyFields, machine::kNoAmount),
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfPolicy),
        .run = &machine::run_body<pb::set_approval_policy, &set_policy>,
    },
    machine::Command{
        .number = pb::kApproveRequestFieldNumber,
        .name = "approve_request",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::decide,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &weight_of_approve,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfDecisions),
        .run = &machine::run_body<pb::approve_request, &approve>,
    },
    machine::Command{
        .number = pb::kRejectRequestFieldNumber,
        .name = "reject_request",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::decide,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfDecisions),
        .run = &machine::run_body<pb::reject_request, &reject>,
    },
    machine::Command{
        .number = pb::kWithdrawRequestFieldNumber,
        .name = "withdraw_request",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::read,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfDecisions),
        .run = &machine::run_body<pb::withdraw_request, &withdraw>,
    },
};
// clang-format on

inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kRequestDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = kRequestDueBytes,
                      .work = &end_of_time},
};

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "each request for approval is two people's, in its lists, and ends",
                       .check = &check_requests},
    machine::Invariant{.name = "the policy asks about what can be asked about", .check = &check_policy},
};

inline constexpr machine::Domain kDomain = {
    .name = "approvals",
    .commands = kCommands,
    .outcomes = kOutcomes,
    .tables = kTables,
    .due = kDue,
    .invariants = kInvariants,
    .hold = &hold,
};

}  // namespace kontor::approvals

#pragma once
// The cluster: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/members/commands.h"
#include "domains/members/invariants.h"
#include "domains/members/members.h"
#include "domains/members/permissions.h"
#include "domains/members/tables.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"
#include "kontor/members_bodies.pb.h"

namespace kontor::members {

#ifdef KONTOR_FEATURE_LEVEL_FOR_TESTS
// The next version, as far as tests need one: it says that a command needs it.
inline constexpr std::uint32_t kSinceRotation = KONTOR_FEATURE_LEVEL_FOR_TESTS;
#else
inline constexpr std::uint32_t kSinceRotation = machine::kFirstFeatureLevel;
#endif

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kInitClusterFieldNumber,
        .name = "init_cluster",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::init_cluster, &init_cluster>,
    },
    machine::Command{
        .number = pb::kCreateJoinTokenFieldNumber,
        .name = "create_join_token",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_join_token, &create_join_token>,
    },
    machine::Command{
        .number = pb::kAdmitNodeFieldNumber,
        .name = "admit_node",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::admit_node, &admit_node>,
    },
    machine::Command{
        .number = pb::kUpdateClusterNodeFieldNumber,
        .name = "update_cluster_node",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::update_cluster_node, &update_cluster_node>,
    },
    machine::Command{
        .number = pb::kRotateClusterAuthorityFieldNumber,
        .name = "rotate_cluster_authority",
        .concerns = machine::Concerns::instance,
        .since = kSinceRotation,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::rotate_cluster_authority, &rotate_cluster_authority>,
    },
    machine::Command{
        .number = pb::kActivateFeaturesFieldNumber,
        .name = "activate_features",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::activate_features, &activate_features>,
    },
};
// clang-format on

inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kJoinTokenDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = machine::kHashBytes,
                      .work = &drop_join_token},
};

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "nodes have numbers that were given, and join tokens end",
                       .check = &check_members},
};

inline constexpr machine::Domain kDomain = {
    .name = "members",
    .commands = kCommands,
    .tables = kTables,
    .due = kDue,
    .invariants = kInvariants,
};

}  // namespace kontor::members

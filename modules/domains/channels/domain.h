#pragma once
// Accounts at channels and routes to them: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/channels/commands.h"
#include "domains/channels/invariants.h"
#include "domains/channels/outcomes.h"
#include "domains/channels/permissions.h"
#include "domains/channels/tables.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::channels {

inline constexpr std::array<const machine::Outcome*, 2> kOutcomes = {&outcome::no_channel,
                                                                     &outcome::too_many_notices};

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kOpenChannelAccountFieldNumber,
        .name = "open_channel_account",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::open_channel_account, &open_account>,
    },
    machine::Command{
        .number = pb::kChangeChannelAccountFieldNumber,
        .name = "change_channel_account",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::change_channel_account, &change_account>,
    },
    machine::Command{
        .number = pb::kSetChannelRoutesFieldNumber,
        .name = "set_channel_routes",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::set_channel_routes, &set_routes>,
    },
};
// clang-format on

inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kNoticeDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = kNoticeKeyBytes,
                      .work = &forget_notice},
};
inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "routes name channel accounts that take their payments",
                       .check = &check_routes},
    machine::Invariant{.name = "each channel account counts its notices", .check = &check_notices},
};

inline constexpr machine::Domain kDomain = {
    .name = "channels",
    .commands = kCommands,
    .outcomes = kOutcomes,
    .tables = kTables,
    .due = kDue,
    .invariants = kInvariants,
};

}  // namespace kontor::channels

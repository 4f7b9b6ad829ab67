#pragma once
// Channel attempts: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/attempts/attempts.h"
#include "domains/attempts/commands.h"
#include "domains/attempts/invariants.h"
#include "domains/attempts/tables.h"
#include "domains/channels/outcomes.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::attempts {

inline constexpr std::array<const machine::Outcome*, 1> kOutcomesOfChannelNotified = {
    &channels::outcome::too_many_notices};

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kChannelAnsweredFieldNumber,
        .name = "channel_answered",
        .concerns = machine::Concerns::worker,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::channel_answered, &channel_answered>,
    },
    machine::Command{
        .number = pb::kChannelNotifiedFieldNumber,
        .name = "channel_notified",
        .concerns = machine::Concerns::worker,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfChannelNotified),
        .run = &machine::run_body<pb::channel_notified, &channel_notified>,
    },
};
// clang-format on

inline constexpr std::array kLinks = {
    machine::Link{.kind = kIntentAttempt, .holds = &is_attempt_of_intent},
};
inline constexpr std::array kOutboxes = {
    machine::Outbox{.kind = kAttemptOutbox, .waits = &is_asked_at},
};
inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kExpiryDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = kExpiryDueBytes,
                      .work = &expire_attempt},
};
inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "each open attempt is in the outbox", .check = &check_attempts},
};

inline constexpr machine::Domain kDomain = {
    .name = "attempts",
    .commands = kCommands,
    .tables = kTables,
    .links = kLinks,
    .outboxes = kOutboxes,
    .due = kDue,
    .invariants = kInvariants,
};

}  // namespace kontor::attempts

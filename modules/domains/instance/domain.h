#pragma once
// The installation: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/instance/commands.h"
#include "domains/instance/instance.h"
#include "kontor/instance_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::instance {

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kInitInstanceFieldNumber,
        .name = "init_instance",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::init_instance, &init_instance>,
    },
};
// clang-format on

inline constexpr machine::Domain kDomain = {
    .name = "instance",
    .commands = kCommands,
};

}  // namespace kontor::instance

#pragma once
// Merchants: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/accounts/accounts.h"
#include "domains/accounts/commands.h"
#include "domains/accounts/invariants.h"
#include "domains/accounts/permissions.h"
#include "domains/accounts/tables.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::accounts {

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateMerchantFieldNumber,
        .name = "create_merchant",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_merchant, &create_merchant>,
    },
};
// clang-format on

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "each merchant's journal has a head", .check = &check_merchants},
};

inline constexpr machine::Domain kDomain = {
    .name = "accounts",
    .commands = kCommands,
    .tables = kTables,
    .invariants = kInvariants,
    .enter = &enter,
};

}  // namespace kontor::accounts

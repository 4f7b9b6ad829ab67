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
// What is shown of a command that needs approval.
inline constexpr std::array kCreateMerchantFields = {
    machine::CommandField{.number = pb::CreateMerchant::kNameFieldNumber, .name = "name", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::CreateMerchant::kFeeBpsFieldNumber, .name = "fee_bps", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::CreateMerchant::kFeeFixedMinorFieldNumber, .name = "fee_fixed", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::CreateMerchant::kSettlementDelayDaysFieldNumber, .name = "settlement_delay_days", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::CreateMerchant::kCountryFieldNumber, .name = "country", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::CreateMerchant::kDefaultCurrencyFieldNumber, .name = "default_currency", .shown = machine::Shown::text},
};

inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateMerchantFieldNumber,
        .name = "create_merchant",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kCreateMerchantFields, machine::kNoAmount),
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_merchant, &create_merchant>,
    },
};
// clang-format on

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "each merchant's audit record has a head", .check = &check_merchants},
};

inline constexpr machine::Domain kDomain = {
    .name = "accounts",
    .commands = kCommands,
    .tables = kTables,
    .invariants = kInvariants,
    .enter = &enter,
};

}  // namespace kontor::accounts

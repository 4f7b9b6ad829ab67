#pragma once
// API keys: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/accounts/ids.h"
#include "domains/keys/commands.h"
#include "domains/keys/invariants.h"
#include "domains/keys/keys.h"
#include "domains/keys/permissions.h"
#include "domains/keys/tables.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::keys {

// clang-format off
// What is shown of a command that needs approval.
inline constexpr std::array kCreateApiKeyFields = {
    machine::CommandField{.number = pb::CreateApiKey::kMerchantNoFieldNumber, .name = "merchant", .shown = machine::Shown::id, .prefix = accounts::prefix::merchant},
    machine::CommandField{.number = pb::CreateApiKey::kLivemodeFieldNumber, .name = "livemode", .shown = machine::Shown::boolean},
    machine::CommandField{.number = pb::CreateApiKey::kKeySha256FieldNumber, .name = "key", .shown = machine::Shown::secret},
    machine::CommandField{.number = pb::CreateApiKey::kNameFieldNumber, .name = "name", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::CreateApiKey::kHintFieldNumber, .name = "hint", .shown = machine::Shown::text},
};

inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateApiKeyFieldNumber,
        .name = "create_api_key",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kCreateApiKeyFields, machine::kNoAmount),
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::may_ask_in_test_mode,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_api_key, &create_api_key>,
    },
    machine::Command{
        .number = pb::kRevokeApiKeyFieldNumber,
        .name = "revoke_api_key",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::may_ask,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::revoke_api_key, &revoke_api_key>,
    },
};
// clang-format on

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "keys are found by their merchants", .check = &check_keys},
};

inline constexpr machine::Domain kDomain = {
    .name = "keys",
    .commands = kCommands,
    .tables = kTables,
    .invariants = kInvariants,
};

}  // namespace kontor::keys

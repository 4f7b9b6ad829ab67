#pragma once
// Accounts at channels and routes to them: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/accounts/ids.h"
#include "domains/channels/commands.h"
#include "domains/channels/invariants.h"
#include "domains/channels/outcomes.h"
#include "domains/channels/permissions.h"
#include "domains/channels/tables.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::channels {

inline constexpr std::array<const machine::Outcome*, 4> kOutcomes = {
    &outcome::no_channel, &outcome::too_many_notices, &outcome::credentials_changed,
    &outcome::operation_not_offered};
inline constexpr std::array<const machine::Outcome*, 1> kOutcomesOfChangeAccount = {
    &outcome::credentials_changed};

// clang-format off
// What is shown of a command that needs approval.
inline constexpr std::array kServesFields = {
    machine::CommandField{.number = pb::ServedMethod::kTypeFieldNumber, .name = "method", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::ServedMethod::kCurrenciesFieldNumber, .name = "currencies", .shown = machine::Shown::currencies},
    machine::CommandField{.number = pb::ServedMethod::kOperationsFieldNumber, .name = "operations", .shown = machine::Shown::texts},
};
inline constexpr std::array kRouteFields = {
    machine::CommandField{.number = pb::ChannelRoute::kMethodFieldNumber, .name = "method", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::ChannelRoute::kCurrencyFieldNumber, .name = "currency", .shown = machine::Shown::currency},
    machine::CommandField{.number = pb::ChannelRoute::kAccountNoFieldNumber, .name = "account", .shown = machine::Shown::integer},
};
inline constexpr std::array kOpenAccountFields = {
    machine::CommandField{.number = pb::OpenChannelAccount::kConnectorFieldNumber, .name = "connector", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::OpenChannelAccount::kMerchantNoFieldNumber, .name = "merchant", .shown = machine::Shown::id, .prefix = accounts::prefix::merchant},
    machine::CommandField{.number = pb::OpenChannelAccount::kLivemodeFieldNumber, .name = "livemode", .shown = machine::Shown::boolean},
    machine::CommandField{.number = pb::OpenChannelAccount::kNameFieldNumber, .name = "name", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::OpenChannelAccount::kServesFieldNumber, .name = "serves", .shown = machine::Shown::messages, .parts = kServesFields},
    machine::CommandField{.number = pb::OpenChannelAccount::kSealedCredentialsFieldNumber, .name = "credentials", .shown = machine::Shown::secret},
    machine::CommandField{.number = pb::OpenChannelAccount::kSetFieldsFieldNumber, .name = "credentials_set", .shown = machine::Shown::texts},
    machine::CommandField{.number = pb::OpenChannelAccount::kRouteMethodsFieldNumber, .name = "route_methods", .shown = machine::Shown::texts},
};
inline constexpr std::array kChangeAccountFields = {
    machine::CommandField{.number = pb::ChangeChannelAccount::kNoFieldNumber, .name = "account", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::ChangeChannelAccount::kLivemodeFieldNumber, .name = "livemode", .shown = machine::Shown::boolean},
    machine::CommandField{.number = pb::ChangeChannelAccount::kNameFieldNumber, .name = "name", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::ChangeChannelAccount::kSealedCredentialsFieldNumber, .name = "credentials", .shown = machine::Shown::secret},
    machine::CommandField{.number = pb::ChangeChannelAccount::kSetFieldsFieldNumber, .name = "credentials_set", .shown = machine::Shown::texts_if_any},
    machine::CommandField{.number = pb::ChangeChannelAccount::kDisabledFieldNumber, .name = "disabled", .shown = machine::Shown::boolean},
    machine::CommandField{.number = pb::ChangeChannelAccount::kRouteMethodsFieldNumber, .name = "route_methods", .shown = machine::Shown::texts_if_any},
    machine::CommandField{.number = pb::ChangeChannelAccount::kMadeFromFieldNumber, .name = "credentials_made_from", .shown = machine::Shown::secret},
};
inline constexpr std::array kSetRoutesFields = {
    machine::CommandField{.number = pb::SetChannelRoutes::kMerchantNoFieldNumber, .name = "merchant", .shown = machine::Shown::id, .prefix = accounts::prefix::merchant},
    machine::CommandField{.number = pb::SetChannelRoutes::kLivemodeFieldNumber, .name = "livemode", .shown = machine::Shown::boolean},
    machine::CommandField{.number = pb::SetChannelRoutes::kEntriesFieldNumber, .name = "routes", .shown = machine::Shown::messages, .parts = kRouteFields},
};

inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kOpenChannelAccountFieldNumber,
        .name = "open_channel_account",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kOpenAccountFields, machine::kNoAmount),
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
        .approval = machine::Approval::by_policy(kChangeAccountFields, machine::kNoAmount),
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfChangeAccount),
        .run = &machine::run_body<pb::change_channel_account, &change_account>,
    },
    machine::Command{
        .number = pb::kSetChannelRoutesFieldNumber,
        .name = "set_channel_routes",
        .concerns = machine::Concerns::instance,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kSetRoutesFields, machine::kNoAmount),
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

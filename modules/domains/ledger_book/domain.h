#pragma once
// The ledger API: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/ledger_book/commands.h"
#include "domains/ledger_book/invariants.h"
#include "domains/ledger_book/outcomes.h"
#include "domains/ledger_book/permissions.h"
#include "domains/ledger_book/tables.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::ledger_book {

inline constexpr std::array<const machine::Outcome*, 1> kOutcomes = {&outcome::too_many_failed_ids};

inline constexpr std::array<const machine::Outcome*, 1> kOutcomesOfCreateLedgerTransfers = {
    &outcome::too_many_failed_ids};

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateLedgerAccountsFieldNumber,
        .name = "create_ledger_accounts",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &weight_of_accounts,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_ledger_accounts, &create_ledger_accounts>,
    },
    machine::Command{
        .number = pb::kCreateLedgerTransfersFieldNumber,
        .name = "create_ledger_transfers",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &weight_of_transfers,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfCreateLedgerTransfers),
        .run = &machine::run_body<pb::create_ledger_transfers, &create_ledger_transfers>,
    },
    machine::Command{
        .number = pb::kSetLedgerAccountFrozenFieldNumber,
        .name = "set_ledger_account_frozen",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::set_ledger_account_frozen, &set_ledger_account_frozen>,
    },
    machine::Command{
        .number = pb::kCloseLedgerAccountFieldNumber,
        .name = "close_ledger_account",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::close_ledger_account, &close_ledger_account>,
    },
};
// clang-format on

inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kFailedIdsDue,
                      .clock = machine::DueClock::running,
                      .payload_bytes = kFailedIdsBytes,
                      .work = &drop_failed_ids},
};

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "ids that failed are forgotten one day", .check = &check_failed_ids},
};

inline constexpr std::array kOwnQueues = {
    machine::OwnQueue{.work = &expire_pending, .next_machine_ms = &next_expiry},
};

inline constexpr machine::Domain kDomain = {
    .name = "ledger_book",
    .commands = kCommands,
    .outcomes = kOutcomes,
    .due = kDue,
    .own_queues = kOwnQueues,
    .invariants = kInvariants,
};

}  // namespace kontor::ledger_book

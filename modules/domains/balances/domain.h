#pragma once
// Balances and funds: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/balances/balances.h"
#include "domains/balances/funds.h"
#include "domains/balances/ids.h"
#include "domains/balances/invariants.h"
#include "domains/balances/tables.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/machine/records.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::balances {

// clang-format off
inline constexpr std::array kObjects = {
machine::ObjectKind{
    .number = pb::kBalanceTransactionFieldNumber,
    .name = "balance_transaction",
    .prefix = prefix::balance_transaction,
    .shape = &kTransactionShape,
    .follow = +[](const pb::Object& object, std::string_view field) {
        return balance_transaction_reference(object.GetExtension(pb::balance_transaction), field);
    },
    .find = &machine::find_object<pb::balance_transaction, &find_balance_transaction>,
    .number_of = +[](const pb::Object& object) { return object.GetExtension(pb::balance_transaction).no(); },
    .json = +[](const pb::Object& object, const machine::Expansion& expansion) {
        return balance_transaction_json(object.GetExtension(pb::balance_transaction), expansion);
    },
    .event_json = +[](const pb::Object& object) { return balance_transaction_json(object.GetExtension(pb::balance_transaction)); },
},
};
// clang-format on

inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kFundsDue,
                      .clock = machine::DueClock::utc,
                      .payload_bytes = kFundsPayloadBytes,
                      .work = &release_group},
    machine::DueQueue{.kind = kFundsDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = kFundsPayloadBytes,
                      .work = &release_group},
};

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "balance transactions, waiting money and the ledger agree",
                       .check = &check_balances},
    machine::Invariant{.name = "money that waits has its day", .check = &check_waiting},
};

inline constexpr machine::Domain kDomain = {
    .name = "balances",
    .objects = kObjects,
    .tables = kTables,
    .due = kDue,
    .invariants = kInvariants,
};

}  // namespace kontor::balances

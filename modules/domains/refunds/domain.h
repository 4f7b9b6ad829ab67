#pragma once
// Refunds: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/channels/outcomes.h"
#include "domains/payments/ids.h"
#include "domains/refunds/commands.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/invariants.h"
#include "domains/refunds/outcomes.h"
#include "domains/refunds/permissions.h"
#include "domains/refunds/refunds.h"
#include "domains/refunds/tables.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::refunds {

inline constexpr std::array<const machine::Outcome*, 4> kOutcomes = {
    &outcome::already_refunded, &outcome::refund_too_large, &outcome::charge_not_refundable,
    &outcome::balance_insufficient};

inline constexpr std::array<const machine::Outcome*, 5> kOutcomesOfCreateRefund = {
    &outcome::already_refunded, &outcome::refund_too_large, &outcome::charge_not_refundable,
    &outcome::balance_insufficient, &channels::outcome::operation_not_offered};

// clang-format off
// What is shown of a command that needs approval.
inline constexpr std::array kCreateRefundFields = {
    machine::CommandField{.number = pb::CreateRefund::kIntentNoFieldNumber, .name = "payment_intent", .shown = machine::Shown::id, .prefix = payments::prefix::intent},
    machine::CommandField{.number = pb::CreateRefund::kChargeNoFieldNumber, .name = "charge", .shown = machine::Shown::id, .prefix = payments::prefix::charge},
    machine::CommandField{.number = pb::CreateRefund::kAmountFieldNumber, .name = "amount", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::CreateRefund::kReasonFieldNumber, .name = "reason", .shown = machine::Shown::text},
    machine::CommandField{.number = pb::CreateRefund::kMetadataFieldNumber, .name = "metadata", .shown = machine::Shown::personal},
};

inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateRefundFieldNumber,
        .name = "create_refund",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kCreateRefundFields, &amount_of_create_refund),
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfCreateRefund),
        .run = &machine::run_body<pb::create_refund, &create_refund>,
    },
    machine::Command{
        .number = pb::kUpdateRefundFieldNumber,
        .name = "update_refund",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::update_refund, &update_refund>,
    },
};
// clang-format on

// clang-format off
inline constexpr std::array kObjects = {
machine::ObjectKind{
    .number = pb::kRefundFieldNumber,
    .name = "refund",
    .prefix = prefix::refund,
    .shape = &kRefundShape,
    .follow = +[](const pb::Object& object, std::string_view field) {
        return refund_reference(object.GetExtension(pb::refund), field);
    },
    .find = &machine::find_object<pb::refund, &find_refund>,
    .number_of = +[](const pb::Object& object) { return object.GetExtension(pb::refund).no(); },
    .json = +[](const pb::Object& object, const machine::Expansion& expansion) {
        return refund_json(object.GetExtension(pb::refund), expansion);
    },
    .event_json = +[](const pb::Object& object) { return refund_json(object.GetExtension(pb::refund)); },
},
};
// clang-format on

inline constexpr std::array<std::string_view, 4> kEvents = {
    "charge.refunded",
    "refund.created",
    "refund.failed",
    "refund.updated",
};

inline constexpr std::array kLinks = {
    machine::Link{.kind = kIntentRefund, .holds = &is_refund_of_intent},
    machine::Link{.kind = kChargeRefund, .holds = &is_refund_of_charge},
};
inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "refunds add up to what their charge says", .check = &check_refunds},
};

inline constexpr machine::Domain kDomain = {
    .name = "refunds",
    .commands = kCommands,
    .outcomes = kOutcomes,
    .objects = kObjects,
    .events = kEvents,
    .tables = kTables,
    .links = kLinks,
    .invariants = kInvariants,
};

}  // namespace kontor::refunds

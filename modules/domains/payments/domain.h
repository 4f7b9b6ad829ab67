#pragma once
// Payment intents and charges: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/channels/outcomes.h"
#include "domains/payments/commands.h"
#include "domains/payments/ids.h"
#include "domains/payments/invariants.h"
#include "domains/payments/outcomes.h"
#include "domains/payments/payments.h"
#include "domains/payments/permissions.h"
#include "domains/payments/tables.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

inline constexpr std::array<const machine::Outcome*, 7> kOutcomes = {
    &outcome::card_declined,    &outcome::insufficient_funds,     &outcome::amount_too_large,
    &outcome::already_captured, &outcome::missing_payment_method, &outcome::processing_error,
    &outcome::customer_deleted};

inline constexpr std::array<const machine::Outcome*, 7> kOutcomesOfCreatePaymentIntent = {
    &outcome::card_declined,
    &outcome::insufficient_funds,
    &outcome::missing_payment_method,
    &outcome::customer_deleted,
    &outcome::processing_error,
    &channels::outcome::no_channel,
    &channels::outcome::operation_not_offered};
inline constexpr std::array<const machine::Outcome*, 4> kOutcomesOfCapturePaymentIntent = {
    &outcome::amount_too_large, &outcome::already_captured, &outcome::card_declined,
    &outcome::processing_error};
inline constexpr std::array<const machine::Outcome*, 2> kOutcomesOfCancelPaymentIntent = {
    &outcome::card_declined, &outcome::processing_error};

// clang-format off
// What is shown of a command that needs approval.
inline constexpr std::array kCaptureFields = {
    machine::CommandField{.number = pb::CapturePaymentIntent::kNoFieldNumber, .name = "payment_intent", .shown = machine::Shown::id, .prefix = prefix::intent},
    machine::CommandField{.number = pb::CapturePaymentIntent::kAmountToCaptureFieldNumber, .name = "amount_to_capture", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::CapturePaymentIntent::kMetadataFieldNumber, .name = "metadata", .shown = machine::Shown::personal},
};
inline constexpr std::array kCancelFields = {
    machine::CommandField{.number = pb::CancelPaymentIntent::kNoFieldNumber, .name = "payment_intent", .shown = machine::Shown::id, .prefix = prefix::intent},
    machine::CommandField{.number = pb::CancelPaymentIntent::kCancellationReasonFieldNumber, .name = "cancellation_reason", .shown = machine::Shown::text},
};

inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreatePaymentIntentFieldNumber,
        .name = "create_payment_intent",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfCreatePaymentIntent),
        .run = &machine::run_body<pb::create_payment_intent, &create_intent>,
    },
    machine::Command{
        .number = pb::kUpdatePaymentIntentFieldNumber,
        .name = "update_payment_intent",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::update_payment_intent, &update_intent>,
    },
    machine::Command{
        .number = pb::kConfirmPaymentIntentFieldNumber,
        .name = "confirm_payment_intent",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfCreatePaymentIntent),
        .run = &machine::run_body<pb::confirm_payment_intent, &confirm_intent>,
    },
    machine::Command{
        .number = pb::kCapturePaymentIntentFieldNumber,
        .name = "capture_payment_intent",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kCaptureFields, &amount_of_capture),
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfCapturePaymentIntent),
        .run = &machine::run_body<pb::capture_payment_intent, &capture_intent>,
    },
    machine::Command{
        .number = pb::kCancelPaymentIntentFieldNumber,
        .name = "cancel_payment_intent",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kCancelFields, machine::kNoAmount),
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomesOfCancelPaymentIntent),
        .run = &machine::run_body<pb::cancel_payment_intent, &cancel_intent>,
    },
};
// clang-format on

// clang-format off
inline constexpr std::array kObjects = {
machine::ObjectKind{
    .number = pb::kPaymentIntentFieldNumber,
    .name = "payment_intent",
    .prefix = prefix::intent,
    .shape = &kIntentShape,
    .follow = +[](const pb::Object& object, std::string_view field) {
        return intent_reference(object.GetExtension(pb::payment_intent), field);
    },
    .find = &machine::find_object<pb::payment_intent, &find_intent>,
    .number_of = +[](const pb::Object& object) { return object.GetExtension(pb::payment_intent).no(); },
    .json = +[](const pb::Object& object, const machine::Expansion& expansion) {
        return intent_json(object.GetExtension(pb::payment_intent), expansion);
    },
    .event_json = +[](const pb::Object& object) { return intent_json(object.GetExtension(pb::payment_intent)); },
},
machine::ObjectKind{
    .number = pb::kChargeFieldNumber,
    .name = "charge",
    .prefix = prefix::charge,
    .shape = &kChargeShape,
    .follow = +[](const pb::Object& object, std::string_view field) {
        return charge_reference(object.GetExtension(pb::charge), field);
    },
    .find = &machine::find_object<pb::charge, &find_charge>,
    .number_of = +[](const pb::Object& object) { return object.GetExtension(pb::charge).no(); },
    .json = +[](const pb::Object& object, const machine::Expansion& expansion) {
        return charge_json(object.GetExtension(pb::charge), expansion);
    },
    .event_json = +[](const pb::Object& object) { return charge_json(object.GetExtension(pb::charge)); },
},
};
// clang-format on

inline constexpr std::array<std::string_view, 11> kEvents = {
    "charge.captured",
    "charge.failed",
    "charge.succeeded",
    "charge.updated",
    "payment_intent.amount_capturable_updated",
    "payment_intent.canceled",
    "payment_intent.created",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
};

inline constexpr std::array kLinks = {
    machine::Link{.kind = kCustomerIntent, .holds = &is_intent_of_customer},
    machine::Link{.kind = kCustomerCharge, .holds = &is_charge_of_customer},
    machine::Link{.kind = kIntentCharge, .holds = &is_charge_of_intent},
    machine::Link{.kind = kIntentAuditRecord, .holds = &is_audit_record_of_intent},
};
inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "a payment intent and its latest charge agree", .check = &check_intents},
    machine::Invariant{.name = "refunded <= captured <= amount of each charge", .check = &check_charges},
};

inline constexpr machine::Domain kDomain = {
    .name = "payments",
    .commands = kCommands,
    .outcomes = kOutcomes,
    .objects = kObjects,
    .events = kEvents,
    .tables = kTables,
    .links = kLinks,
    .invariants = kInvariants,
};

}  // namespace kontor::payments

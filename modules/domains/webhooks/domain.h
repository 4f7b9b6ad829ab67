#pragma once
// Webhooks: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/webhooks/commands.h"
#include "domains/webhooks/ids.h"
#include "domains/webhooks/invariants.h"
#include "domains/webhooks/permissions.h"
#include "domains/webhooks/tables.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"
#include "kontor/webhooks_bodies.pb.h"

namespace kontor::webhooks {

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateWebhookEndpointFieldNumber,
        .name = "create_webhook_endpoint",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_webhook_endpoint, &create_webhook_endpoint>,
    },
    machine::Command{
        .number = pb::kUpdateWebhookEndpointFieldNumber,
        .name = "update_webhook_endpoint",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::update_webhook_endpoint, &update_webhook_endpoint>,
    },
    machine::Command{
        .number = pb::kDeleteWebhookEndpointFieldNumber,
        .name = "delete_webhook_endpoint",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::delete_webhook_endpoint, &delete_webhook_endpoint>,
    },
    machine::Command{
        .number = pb::kWebhookAttemptedFieldNumber,
        .name = "webhook_attempted",
        .concerns = machine::Concerns::worker,
        .since = machine::kFirstFeatureLevel,
        .permission = &machine::kPlatform,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::webhook_attempted, &webhook_attempted>,
    },
};
// clang-format on

// clang-format off
inline constexpr std::array kObjects = {
machine::ObjectKind{
    .number = pb::kWebhookEndpointFieldNumber,
    .name = "webhook_endpoint",
    .prefix = prefix::webhook_endpoint,
    .shape = &kEndpointShape,
    .follow = nullptr,
    .find = &machine::find_object<pb::webhook_endpoint, &find_webhook_endpoint>,
    .number_of = +[](const pb::Object& object) { return object.GetExtension(pb::webhook_endpoint).no(); },
    .json = +[](const pb::Object& object, const machine::Expansion&) {
        return webhook_endpoint_json(object.GetExtension(pb::webhook_endpoint));
    },
    .event_json = +[](const pb::Object& object) { return webhook_endpoint_json(object.GetExtension(pb::webhook_endpoint)); },
},
};
// clang-format on

inline constexpr std::array kDue = {
    machine::DueQueue{.kind = kStoppedEndpointDue,
                      .clock = machine::DueClock::machine,
                      .payload_bytes = kStoppedEndpointBytes,
                      .work = &stop_deliveries},
};

inline constexpr std::array kLinks = {
    machine::Link{.kind = kEventDelivery, .holds = &is_delivery_of_event},
    machine::Link{.kind = kEndpointPending, .holds = &is_pending_of_endpoint},
};
inline constexpr std::array kOutboxes = {
    machine::Outbox{.kind = kDeliveryOutbox, .waits = &is_tried_at},
};
inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "each pending delivery is in the outbox and its endpoint's",
                       .check = &check_deliveries},
    machine::Invariant{.name = "the head of a scope names its endpoints", .check = &check_endpoints},
};

inline constexpr machine::Domain kDomain = {
    .name = "webhooks",
    .commands = kCommands,
    .objects = kObjects,
    .tables = kTables,
    .links = kLinks,
    .outboxes = kOutboxes,
    .due = kDue,
    .invariants = kInvariants,
    .announce = &announce,
};

}  // namespace kontor::webhooks

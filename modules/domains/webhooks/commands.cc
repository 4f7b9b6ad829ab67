#include "domains/webhooks/commands.h"

#include <algorithm>
#include <array>

#include "domains/webhooks/ids.h"
#include "domains/webhooks/limits.h"
#include "domains/webhooks/tables.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/base/bytes.h"
#include "kontor/bodies.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/refuse.h"
#include "kontor/webhooks_bodies.pb.h"

namespace kontor::webhooks {

using namespace machine;  // the frame's words

namespace {

static_assert(limits::kWebhookEndpointsPerMode <= machine::limits::kAnnouncedPerEvent);

constexpr std::array<std::int64_t, 9> kBackOffSeconds = {5, 30, 120, 600, 1'800, 3600, 7200, 14400, 21600};

pb::Result with_endpoint(const pb::WebhookEndpoint& endpoint) {
    pb::Result result;
    *mutable_object(result, pb::webhook_endpoint) = endpoint;
    return result;
}

void put_endpoint(Context& context, const pb::WebhookEndpoint& endpoint) {
    context.put(table::webhook_endpoints, object_key(context.scope, endpoint.no()), endpoint);
    context.audit_record();
}

void schedule(Context& context, const pb::WebhookDelivery& delivery) {
    context.put_index(machine::table::outbox_due,
                      outbox_key(kDeliveryOutbox, delivery.next_try_ms(), delivery.no()));
    context.effects.outbox_changed = true;
}
void put_delivery(Context& context, const pb::WebhookDelivery& delivery) {
    context.put(table::deliveries, Key().be64(delivery.no()), delivery);
}

void unschedule(Context& context, const pb::WebhookDelivery& delivery) {
    context.rows.erase(machine::table::outbox_due,
                       outbox_key(kDeliveryOutbox, delivery.next_try_ms(), delivery.no()).view());
}

// The delivery is at its end: out of the outbox, and no more its endpoint's.
void end_delivery(Context& context, pb::WebhookDelivery& delivery, pb::DeliveryState state) {
    const Scope scope{delivery.merchant_no(), delivery.livemode()};
    context.rows.erase(machine::table::links,
                       link_key(scope, delivery.endpoint_no(), kEndpointPending, delivery.no()).view());
    delivery.set_state(state);
    delivery.clear_next_try_ms();
    put_delivery(context, delivery);
}

// Its pending deliveries end with the next Tick: there may be too many for one command.
void stop(Context& context, const pb::WebhookEndpoint& endpoint) {
    context.due(DueClock::machine, context.now.machine_ms, kStoppedEndpointDue,
                Key().scope(context.scope).be64(endpoint.no()).view());
}

// SplitMix64's finaliser: the same number spreads the same way everywhere.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9E37'79B9'7F4A'7C15ULL;
    x = (x ^ (x >> 30U)) * 0xBF58'476D'1CE4'E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D0'49BB'1331'11EBULL;
    return x ^ (x >> 31U);
}

bool wants(const pb::WebhookEndpoint& endpoint, std::string_view event_type) {
    return std::any_of(endpoint.enabled_events().begin(), endpoint.enabled_events().end(),
                       [&](const std::string& wanted) { return wanted == "*" || wanted == event_type; });
}

void new_delivery(Context& context, Scope scope, std::uint64_t endpoint_no, std::uint64_t event_no) {
    pb::WebhookDelivery delivery;
    delivery.set_no(context.next_no());
    delivery.set_merchant_no(scope.merchant_no);
    delivery.set_livemode(scope.livemode);
    delivery.set_endpoint_no(endpoint_no);
    delivery.set_event_no(event_no);
    delivery.set_next_try_ms(context.now.machine_ms);
    delivery.set_give_up_ms(context.now.machine_ms + limits::kWebhookRetryForMs);
    delivery.set_created_ms(context.now.utc_ms);
    put_delivery(context, delivery);
    schedule(context, delivery);
    context.put_index(machine::table::links, link_key(scope, event_no, kEventDelivery, delivery.no()));
    context.put_index(machine::table::links, link_key(scope, endpoint_no, kEndpointPending, delivery.no()));
}

}  // namespace

std::int64_t webhook_back_off_ms(std::uint64_t delivery_no, std::uint32_t tries) {
    const std::size_t at = tries == 0 ? 0 : tries - 1;
    const std::int64_t base_ms = kBackOffSeconds[std::min(at, kBackOffSeconds.size() - 1)] * 1000;
    const auto fifth = static_cast<std::uint64_t>(base_ms / 5);
    return base_ms + static_cast<std::int64_t>(mix(delivery_no + tries) % fifth);
}

pb::Result create_webhook_endpoint(Context& context, const pb::CreateWebhookEndpoint& wanted) {
    const auto& known = context.head(context.scope).GetExtension(pb::webhook_head).endpoint_nos();
    if (static_cast<std::size_t>(known.size()) >= limits::kWebhookEndpointsPerMode) {
        return refuse(machine::outcome::limit_reached, "You have reached the maximum of " +
                                                           std::to_string(limits::kWebhookEndpointsPerMode) +
                                                           " webhook endpoints.");
    }
    pb::WebhookEndpoint endpoint;
    if (!merge_metadata(endpoint.mutable_metadata(), wanted.metadata())) return metadata_too_long();
    endpoint.set_no(context.next_no());
    endpoint.set_merchant_no(context.scope.merchant_no);
    endpoint.set_livemode(context.scope.livemode);
    endpoint.set_url(wanted.url());
    *endpoint.mutable_enabled_events() = wanted.enabled_events();
    endpoint.set_sealed_secret(wanted.sealed_secret());
    endpoint.set_description(wanted.description());
    endpoint.set_created_ms(context.now.utc_ms);
    endpoint.set_api_version(wanted.api_version());
    put_endpoint(context, endpoint);
    context.change_head(context.scope).MutableExtension(pb::webhook_head)->add_endpoint_nos(endpoint.no());
    return with_endpoint(endpoint);
}

pb::Result update_webhook_endpoint(Context& context, const pb::UpdateWebhookEndpoint& wanted) {
    auto endpoint = find_webhook_endpoint(context.rows, context.scope, wanted.no());
    if (!endpoint)
        return no_such("webhook endpoint", prefix::webhook_endpoint, wanted.no(), "webhook_endpoint");
    if (!merge_metadata(endpoint->mutable_metadata(), wanted.metadata(), wanted.clear_metadata()))
        return metadata_too_long();
    if (wanted.has_url()) endpoint->set_url(wanted.url());
    if (!wanted.enabled_events().empty()) *endpoint->mutable_enabled_events() = wanted.enabled_events();
    if (wanted.has_description()) endpoint->set_description(wanted.description());
    if (wanted.has_disabled()) endpoint->set_disabled(wanted.disabled());
    put_endpoint(context, *endpoint);
    if (endpoint->disabled()) stop(context, *endpoint);
    return with_endpoint(*endpoint);
}

// The row stays, for the history of its deliveries; nothing finds it any more.
pb::Result delete_webhook_endpoint(Context& context, const pb::DeleteWebhookEndpoint& wanted) {
    auto endpoint = find_webhook_endpoint(context.rows, context.scope, wanted.no());
    if (!endpoint)
        return no_such("webhook endpoint", prefix::webhook_endpoint, wanted.no(), "webhook_endpoint");
    endpoint->set_deleted(true);
    endpoint->clear_sealed_secret();
    put_endpoint(context, *endpoint);
    stop(context, *endpoint);
    auto* known =
        context.change_head(context.scope).MutableExtension(pb::webhook_head)->mutable_endpoint_nos();
    known->erase(std::remove(known->begin(), known->end(), endpoint->no()), known->end());
    return with_endpoint(*endpoint);
}

pb::Result webhook_attempted(Context& context, const pb::WebhookAttempted& wanted) {
    auto delivery = find_delivery(context.rows, wanted.delivery_no());
    if (!delivery) return no_such("webhook delivery", prefix::delivery, wanted.delivery_no(), "delivery");
    if (delivery->state() != pb::DELIVERY_PENDING) return {};  // two workers tried: the first answer stands
    unschedule(context, *delivery);
    delivery->set_tries(delivery->tries() + 1);
    auto* attempts = delivery->mutable_attempts();
    if (static_cast<std::size_t>(attempts->size()) >= limits::kAttemptsKept) attempts->DeleteSubrange(0, 1);
    *attempts->Add() = wanted.attempt();

    const Scope scope{delivery->merchant_no(), delivery->livemode()};
    const auto endpoint = find_webhook_endpoint(context.rows, scope, delivery->endpoint_no());
    const std::int64_t next = context.now.machine_ms + webhook_back_off_ms(delivery->no(), delivery->tries());
    if (wanted.delivered()) {
        end_delivery(context, *delivery, pb::DELIVERY_DELIVERED);
    } else if (!endpoint || endpoint->disabled() || next > delivery->give_up_ms()) {
        end_delivery(context, *delivery, pb::DELIVERY_GAVE_UP);
    } else {
        delivery->set_next_try_ms(next);
        schedule(context, *delivery);
        put_delivery(context, *delivery);
    }
    return {};
}

std::size_t stop_deliveries(Context& context, DueClock /*clock*/, std::string_view payload,
                            std::size_t limit) {
    const Scope scope{get_be64(payload), payload[8] != '\0'};
    const std::uint64_t endpoint_no = get_be64(payload.substr(9));
    const auto endpoint = find_webhook_endpoint(context.rows, scope, endpoint_no);
    if (endpoint && !endpoint->disabled()) return 0;  // enabled again meanwhile
    std::vector<std::uint64_t> numbers;
    const Key low = link_key(scope, endpoint_no, kEndpointPending, 0);
    const Key high = link_key(scope, endpoint_no, kEndpointPending, UINT64_MAX);
    context.rows.scan(machine::table::links, low.view(), high.view(), store::Direction::ascending,
                      [&](std::string_view key, std::string_view) {
                          numbers.push_back(get_be64(key.substr(key.size() - 8)));
                          return numbers.size() < limit;
                      });
    for (const std::uint64_t no : numbers) {
        auto delivery = find_delivery(context.rows, no);
        KONTOR_ASSERT(delivery && delivery->state() == pb::DELIVERY_PENDING,
                      "an endpoint's pending delivery is pending");
        unschedule(context, *delivery);
        end_delivery(context, *delivery, pb::DELIVERY_GAVE_UP);
    }
    return numbers.size();
}

void announce(Context& context, Scope scope, pb::AuditRecord& audit_record, const pb::ScopeHead& head) {
    const pb::WebhookHead& known = head.GetExtension(pb::webhook_head);
    if (audit_record.events().empty() || known.endpoint_nos().empty()) return;
    std::vector<pb::WebhookEndpoint> endpoints;
    for (const std::uint64_t no : known.endpoint_nos()) {
        auto endpoint =
            load<pb::WebhookEndpoint>(context.rows, table::webhook_endpoints, object_key(scope, no));
        KONTOR_ASSERT(endpoint, "the head names an endpoint that is not there");
        if (!endpoint->disabled()) endpoints.push_back(std::move(*endpoint));
    }
    for (pb::Event& event : *audit_record.mutable_events()) {
        for (const pb::WebhookEndpoint& endpoint : endpoints) {
            if (!wants(endpoint, event.type())) continue;
            event.set_pending_webhooks(event.pending_webhooks() + 1);
            new_delivery(context, scope, endpoint.no(), event.no());
        }
    }
}

}  // namespace kontor::webhooks

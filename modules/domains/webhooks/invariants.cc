#include "domains/webhooks/invariants.h"

#include <algorithm>

#include "domains/webhooks/tables.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/base/object_id.h"
#include "kontor/carriers.pb.h"
#include "kontor/webhooks_bodies.pb.h"

namespace kontor::webhooks {

using namespace machine;  // the frame's words

namespace {

bool is_of(const pb::WebhookDelivery& delivery, Scope scope) {
    return Scope{delivery.merchant_no(), delivery.livemode()} == scope;
}

}  // namespace

bool is_delivery_of_event(const store::Reader& rows, Scope scope, std::uint64_t event_no,
                          std::uint64_t delivery_no) {
    const auto delivery = find_delivery(rows, delivery_no);
    return delivery && is_of(*delivery, scope) && delivery->event_no() == event_no &&
           rows.get(machine::table::audit_records, object_key(scope, command_no(event_no)).view());
}

bool is_pending_of_endpoint(const store::Reader& rows, Scope scope, std::uint64_t endpoint_no,
                            std::uint64_t delivery_no) {
    const auto delivery = find_delivery(rows, delivery_no);
    return delivery && is_of(*delivery, scope) && delivery->endpoint_no() == endpoint_no &&
           delivery->state() == pb::DELIVERY_PENDING;
}

bool is_tried_at(const store::Reader& rows, std::int64_t due_ms, std::uint64_t delivery_no) {
    const auto delivery = find_delivery(rows, delivery_no);
    return delivery && delivery->state() == pb::DELIVERY_PENDING && delivery->next_try_ms() == due_ms;
}

void check_deliveries(Audit& audit) {
    audit.each_numbered<pb::WebhookDelivery>(
        table::deliveries, "webhook_deliveries", [&](Scope scope, const pb::WebhookDelivery& delivery) {
            const std::uint64_t no = delivery.no();
            if (!audit.has(table::webhook_endpoints, object_key(scope, delivery.endpoint_no())))
                audit.broken(scope, no, "the delivery's endpoint is not there");
            if (!audit.has(machine::table::links, link_key(scope, delivery.event_no(), kEventDelivery, no)))
                audit.broken(scope, no, "the delivery's event does not lead to it");
            if (delivery.state() != pb::DELIVERY_PENDING) {
                if (delivery.next_try_ms() != 0)
                    audit.broken(scope, no, "the delivery ended and has a next try");
                return;
            }
            if (!audit.has(machine::table::outbox_due,
                           outbox_key(kDeliveryOutbox, delivery.next_try_ms(), no)))
                audit.broken(scope, no, "the pending delivery is not in the outbox");
            if (!audit.has(machine::table::links,
                           link_key(scope, delivery.endpoint_no(), kEndpointPending, no)))
                audit.broken(scope, no, "the delivery's endpoint does not know that it is pending");
        });
}

void check_endpoints(Audit& audit) {
    const auto head_of = [&](Scope scope) {
        const auto head = load<pb::ScopeHead>(audit.rows, machine::table::scope_heads, Key().scope(scope));
        return head ? head->GetExtension(pb::webhook_head) : pb::WebhookHead();
    };
    audit.each_object<pb::WebhookEndpoint>(
        table::webhook_endpoints, "webhook_endpoints", [&](Scope scope, const pb::WebhookEndpoint& endpoint) {
            const pb::WebhookHead head = head_of(scope);
            const auto& known = head.endpoint_nos();
            const bool named = std::find(known.begin(), known.end(), endpoint.no()) != known.end();
            if (named == endpoint.deleted())
                audit.broken(
                    scope, endpoint.no(),
                    named ? "the endpoint was deleted and gets events" : "the endpoint gets no events");
        });
    audit.each<pb::ScopeHead>(
        machine::table::scope_heads, "scope_heads", [&](std::string_view key, const pb::ScopeHead& head) {
            const Scope scope = scope_of(key);
            for (const std::uint64_t no : head.GetExtension(pb::webhook_head).endpoint_nos())
                if (!audit.has(table::webhook_endpoints, object_key(scope, no)))
                    audit.broken(scope, no, "the endpoint gets events and is not there");
        });
}

}  // namespace kontor::webhooks

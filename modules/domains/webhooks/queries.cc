#include "domains/webhooks/webhooks.h"

#include "domains/webhooks/tables.h"

namespace kontor::webhooks {

using namespace machine;  // the frame's words

std::optional<pb::WebhookEndpoint> find_webhook_endpoint(const store::Reader& rows, Scope scope,
                                                         std::uint64_t no) {
    auto endpoint = load<pb::WebhookEndpoint>(rows, table::webhook_endpoints, object_key(scope, no));
    if (endpoint && endpoint->deleted()) endpoint.reset();
    return endpoint;
}

std::optional<pb::WebhookDelivery> find_delivery(const store::Reader& rows, std::uint64_t no) {
    return load<pb::WebhookDelivery>(rows, table::deliveries, Key().be64(no));
}

Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader& rows, Scope scope,
                                                   const ListQuery& query, Bound& bound) {
    return list<pb::WebhookEndpoint>(rows, scope, table::webhook_endpoints,
                                     objects(table::webhook_endpoints, scope), query, bound,
                                     [](const pb::WebhookEndpoint& row) { return !row.deleted(); });
}
Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader& rows, Scope scope,
                                                   const ListQuery& query) {
    Bound bound = whole_list();
    return list_webhook_endpoints(rows, scope, query, bound);
}

std::vector<Due> due_deliveries(const store::Reader& rows, std::int64_t until_ms, std::size_t limit,
                                Due after) {
    return due_in_outbox(rows, kDeliveryOutbox, until_ms, limit, after);
}

std::vector<std::uint64_t> pending_deliveries(const store::Reader& rows, Scope scope,
                                              std::uint64_t endpoint_no, std::uint64_t after_no,
                                              std::size_t limit) {
    if (limit == 0) return {};
    return linked(rows, scope, endpoint_no, kEndpointPending, after_no, limit);
}

std::vector<pb::WebhookDelivery> deliveries_of_event(const store::Reader& rows, Scope scope,
                                                     std::uint64_t event_no) {
    std::vector<pb::WebhookDelivery> found;
    for (const std::uint64_t no : linked(rows, scope, event_no, kEventDelivery)) {
        if (auto delivery = find_delivery(rows, no)) found.push_back(std::move(*delivery));
    }
    return found;
}

}  // namespace kontor::webhooks

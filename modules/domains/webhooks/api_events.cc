// Events as merchants read them.
#include "domains/webhooks/api_events.h"

#include <algorithm>

#include "domains/webhooks/webhooks.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/surface/lists.h"
#include "kontor/webhooks.pb.h"

namespace kontor::webhooks {

using namespace surface;  // the routes' words

namespace {

// As an event stands now. The audit record knows how many endpoints it goes to; the outbox, how many have it.
std::string current_event_json(const Call& call, const store::Reader& rows,
                               const machine::FoundEvent& found) {
    const machine::Registry& registry = call.host->catalogue->registry();
    if (found.event->pending_webhooks() == 0)
        return machine::event_json(registry, *found.audit_record, *found.event);
    pb::Event event = *found.event;
    const auto deliveries = deliveries_of_event(rows, call.caller.scope, event.no());
    event.set_pending_webhooks(static_cast<std::uint32_t>(std::count_if(
        deliveries.begin(), deliveries.end(),
        [](const pb::WebhookDelivery& delivery) { return delivery.state() != pb::DELIVERY_DELIVERED; })));
    return machine::event_json(registry, *found.audit_record, event);
}

}  // namespace

void retrieve_event(const CallPtr& call) {
    const auto no = call->path_no(machine::prefix::event);
    if (!no) return;
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto found = machine::find_event(rows, call->caller.scope, *no);
        if (!found) return call->refuse(call->not_found(machine::prefix::event));
        call->reply(current_event_json(*call, rows, *found), log_index);
    });
}

void list_events(const CallPtr& call) {
    std::uint64_t log_index = 0;
    const auto page =
        list_in_pieces<machine::FoundEvent>(*call, machine::prefix::event, machine::list_events, log_index);
    if (call->answered()) return;
    call->read([&](const store::Reader& rows, std::uint64_t) {
        std::vector<std::string> data;
        for (const auto& found : page.rows) data.push_back(current_event_json(*call, rows, found));
        call->reply(list_json(call->request.path, data, page.has_more), log_index);
    });
}

}  // namespace kontor::webhooks

#include "json_parts.h"
#include "kontor/base/object_id.h"

namespace kontor::payments {

namespace {

std::string object_of(const pb::Event& event) {
    switch (event.object_case()) {
        case pb::Event::kPaymentIntent:
            return intent_json(event.payment_intent());
        case pb::Event::kCharge:
            return charge_json(event.charge());
        case pb::Event::kRefund:
            return refund_json(event.refund());
        case pb::Event::kCustomer: {
            // customer.deleted carries the customer as it was, as Stripe's does.
            if (!event.customer().deleted()) return customer_json(event.customer());
            pb::Customer as_it_was = event.customer();
            as_it_was.set_deleted(false);
            return customer_json(as_it_was);
        }
        case pb::Event::OBJECT_NOT_SET:
            break;
    }
    return "{}";
}

}  // namespace

std::string event_json(const pb::Journal& journal, const pb::Event& event) {
    std::string out;
    out.reserve(parts::kUsualObjectBytes + 512);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::event, event.no())).field("object", "event");
    json.field("api_version", kApiVersion).field_integer("created", parts::seconds(journal.time_ms()));
    json.key("data").begin_object().field_raw("object", object_of(event));
    if (!event.previous_attributes_json().empty()) {
        json.field_raw("previous_attributes", event.previous_attributes_json());
    }
    json.end_object();
    json.field_boolean("livemode", journal.livemode());
    json.field_integer("pending_webhooks", event.pending_webhooks());
    json.key("request").begin_object();
    json.field_or_null("id", journal.request_id())
        .field_or_null("idempotency_key", journal.idempotency_key());
    json.end_object();
    json.field("type", event.type());
    json.end_object();
    return out;
}

}  // namespace kontor::payments

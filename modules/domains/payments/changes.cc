#include "domains/payments/changes.h"

#include "domains/payments/tables.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

void put(Context& context, const pb::PaymentIntent& row) {
    context.put(table::intents, object_key(context.scope, row.no()), row);
}
void put(Context& context, const pb::Charge& row) {
    context.put(table::charges, object_key(context.scope, row.no()), row);
}

void audit_record_about(Context& context, std::uint64_t intent_no) {
    context.audit_record_about(kIntentAuditRecord, intent_no);
}
void event(Context& context, std::string_view type, const pb::PaymentIntent& row) {
    context.event(type, pb::payment_intent, row);
    audit_record_about(context, row.no());
}
void event(Context& context, std::string_view type, const pb::Charge& row, std::string previous) {
    context.event(type, pb::charge, row, std::move(previous));
    audit_record_about(context, row.intent_no());
}
void changed(Context& context, const pb::PaymentIntent& row) {
    context.changed(pb::payment_intent, row);
}

}  // namespace kontor::payments

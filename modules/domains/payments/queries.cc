#include "domains/payments/payments.h"

#include "domains/payments/tables.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

std::optional<pb::PaymentIntent> find_intent(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::PaymentIntent>(rows, table::intents, object_key(scope, no));
}

std::optional<pb::Charge> find_charge(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::Charge>(rows, table::charges, object_key(scope, no));
}

Listed<pb::PaymentIntent> list_intents(const store::Reader& rows, Scope scope, const ListQuery& query,
                                       Bound& bound) {
    const Source source = query.customer_no == 0 ? objects(table::intents, scope)
                                                 : children(scope, query.customer_no, kCustomerIntent);
    return list<pb::PaymentIntent>(
        rows, scope, table::intents, source, query, bound, [&](const pb::PaymentIntent& row) {
            return query.customer_no == 0 || row.customer_no() == query.customer_no;
        });
}
Listed<pb::PaymentIntent> list_intents(const store::Reader& rows, Scope scope, const ListQuery& query) {
    Bound bound = whole_list();
    return list_intents(rows, scope, query, bound);
}

Listed<pb::Charge> list_charges(const store::Reader& rows, Scope scope, const ListQuery& query,
                                Bound& bound) {
    Source source = objects(table::charges, scope);
    if (query.intent_no != 0) {
        source = children(scope, query.intent_no, kIntentCharge);
    } else if (query.customer_no != 0) {
        source = children(scope, query.customer_no, kCustomerCharge);
    }
    return list<pb::Charge>(rows, scope, table::charges, source, query, bound, [&](const pb::Charge& row) {
        return query.customer_no == 0 || row.customer_no() == query.customer_no;
    });
}
Listed<pb::Charge> list_charges(const store::Reader& rows, Scope scope, const ListQuery& query) {
    Bound bound = whole_list();
    return list_charges(rows, scope, query, bound);
}

std::vector<std::shared_ptr<const pb::AuditRecord>> audit_records_of_intent(const store::Reader& rows,
                                                                            Scope scope,
                                                                            std::uint64_t intent_no,
                                                                            std::uint64_t after_no,
                                                                            std::size_t limit) {
    return audit_records_about(rows, scope, kIntentAuditRecord, intent_no, after_no, limit);
}

}  // namespace kontor::payments

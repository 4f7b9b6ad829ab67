#include "domains/refunds/refunds.h"

#include "domains/refunds/tables.h"

namespace kontor::refunds {

using namespace machine;  // the frame's words

std::optional<pb::Refund> find_refund(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::Refund>(rows, table::refunds, object_key(scope, no));
}

Listed<pb::Refund> list_refunds(const store::Reader& rows, Scope scope, const ListQuery& query,
                                Bound& bound) {
    Source source = objects(table::refunds, scope);
    if (query.charge_no != 0) {
        source = children(scope, query.charge_no, kChargeRefund);
    } else if (query.intent_no != 0) {
        source = children(scope, query.intent_no, kIntentRefund);
    }
    return list<pb::Refund>(rows, scope, table::refunds, source, query, bound, [&](const pb::Refund& row) {
        return query.intent_no == 0 || row.intent_no() == query.intent_no;
    });
}
Listed<pb::Refund> list_refunds(const store::Reader& rows, Scope scope, const ListQuery& query) {
    Bound bound = whole_list();
    return list_refunds(rows, scope, query, bound);
}

}  // namespace kontor::refunds

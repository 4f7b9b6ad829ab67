#include "reports/payment_list/writer.h"

#include <algorithm>
#include <string>

#include "domains/payments/ids.h"
#include "domains/payments/methods.h"
#include "domains/payments/payments.h"
#include "kontor/bodies.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payment_list {

std::string method_detail(const pb::PaymentMethod& method) {
    return method.last4().empty() ? method.brand() : method.brand() + " •••• " + method.last4();
}

const std::string& failure_code(const pb::PaymentIntent& intent) {
    const pb::PaymentError& error = intent.last_payment_error();
    return error.decline_code().empty() ? error.code() : error.decline_code();
}

Result<void> PaymentWriter::prepare() {
    KONTOR_TRY(put_payment_,
               database_.prepare(
                   "INSERT INTO payments VALUES (?1,?2,?3,?4,?5,?6,coalesce(?14,0),?7,?8,?9,?10,?11,?12,?13) "
                   "ON CONFLICT (intent_no) DO UPDATE SET customer_no=?4, amount=?6, "
                   "amount_refunded=coalesce(?14,amount_refunded), currency=?7, status=?8, method=?9, "
                   "method_detail=?10, description=?11, failure_code=?12, search=?13"));
    KONTOR_TRY(put_refunded_, database_.prepare("UPDATE payments SET amount_refunded=?2 WHERE intent_no=?1"));
    KONTOR_TRY(put_customer_, database_.prepare("INSERT INTO customers VALUES (?1,?2,?3) "
                                                "ON CONFLICT (customer_no) DO UPDATE SET name=?2, email=?3"));
    return {};
}

void PaymentWriter::forget() {
    payments_.clear();
    changed_.clear();
}

Result<void> PaymentWriter::apply(const pb::AuditRecord& /*audit_record*/, const pb::Event& event) {
    if (has_object(event, pb::payment_intent)) {
        const pb::PaymentIntent& intent = object_in(event, pb::payment_intent);
        Pending& pending = payments_[intent.no()];
        pending.intent = &intent;
        pending.livemode = intent.livemode();
    } else if (has_object(event, pb::charge)) {
        const pb::Charge& charge = object_in(event, pb::charge);
        Pending& pending = payments_[charge.intent_no()];
        pending.amount_refunded = charge.amount_refunded();
        pending.livemode = charge.livemode();
    } else if (has_object(event, pb::customer)) {
        return put_customer(object_in(event, pb::customer));
    }
    return {};
}

Result<void> PaymentWriter::finish() {
    changed_.reserve(payments_.size());
    for (const auto& [no, pending] : payments_) changed_.push_back({no, pending.livemode});
    std::sort(changed_.begin(), changed_.end(),
              [](const Changed& a, const Changed& b) { return a.intent_no < b.intent_no; });
    for (const Changed& one : changed_)
        KONTOR_CHECK(write_payment(one.intent_no, payments_.at(one.intent_no)));
    payments_.clear();
    return {};
}

Result<void> PaymentWriter::write_payment(std::uint64_t intent_no, const Pending& pending) {
    if (pending.intent == nullptr)
        return put_refunded_.bind(1, intent_no).bind(2, pending.amount_refunded.value_or(0)).run();
    const pb::PaymentIntent& intent = *pending.intent;
    std::string search = format_id(payments::prefix::intent, intent.no());
    search.append(1, '\n').append(intent.description());
    if (!intent.receipt_email().empty()) search.append(1, '\n').append(intent.receipt_email());
    for (const pb::Pair& pair : intent.metadata()) search.append(1, '\n').append(pair.value());
    const std::string detail = method_detail(payments::method_of(intent));
    put_payment_.bind(1, intent.no())
        .bind(2, intent.merchant_no())
        .bind(3, std::int64_t{intent.livemode()})
        .bind(4, intent.customer_no())
        .bind(5, intent.created_ms())
        .bind(6, intent.amount())
        .bind(7, std::int64_t{intent.currency()})
        .bind(8, payments::status_name(intent.status()))
        .bind(9, payments::method_name(payments::method_of(intent).type()))
        .bind(10, detail)
        .bind(11, intent.description())
        .bind(12, failure_code(intent))
        .bind(13, search);
    if (pending.amount_refunded) put_payment_.bind(14, *pending.amount_refunded);
    return put_payment_.run();
}

Result<void> PaymentWriter::put_customer(const pb::Customer& customer) {
    return put_customer_.bind(1, customer.no()).bind(2, customer.name()).bind(3, customer.email()).run();
}

}  // namespace kontor::payment_list

#include "domains/payments/methods.h"

#include "kontor/base/assert.h"

namespace kontor::payments {

const Method* find_method(std::string_view type) {
    for (const Method& method : kMethods)
        if (method.type.value == type) return &method;
    return nullptr;
}

const Method& record_of(const pb::PaymentMethod& method) {
    const Method* found = find_method(method.type());
    KONTOR_ASSERT(found != nullptr, "a payment has a method of some record");
    return *found;
}

std::string_view method_name(std::string_view stored) {
    const Method* found = find_method(stored);
    return found == nullptr ? std::string_view() : found->type.value;
}

const pb::PaymentMethod& method_of(const pb::PaymentIntent& intent) {
    return is_set(intent.payment_method()) ? intent.payment_method() : intent.failed_payment_method();
}

}  // namespace kontor::payments

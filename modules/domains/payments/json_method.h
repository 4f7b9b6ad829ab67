#pragma once
// Payment methods in JSON: what a token stands for.

#include <cstdint>
#include <string_view>

#include "kontor/json/writer.h"
#include "kontor/payments.pb.h"

namespace kontor::payments::parts {

// The payment_method object of a token: for last_payment_error and expand[]=payment_method.
void method_object(JsonWriter& json, const pb::PaymentMethod& method, std::uint64_t customer_no,
                   std::int64_t created_ms, bool livemode);
// charge.payment_method_details
void method_details(JsonWriter& json, const pb::PaymentMethod& method, std::int64_t amount_authorized);
// charge.billing_details and payment_method.billing_details: we hold none.
void billing_details(JsonWriter& json);

}  // namespace kontor::payments::parts

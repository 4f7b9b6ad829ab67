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
// refund.destination_details
void destination_details(JsonWriter& json, const pb::PaymentMethod& method, bool is_done);
// charge.billing_details and payment_method.billing_details: we hold none.
void billing_details(JsonWriter& json);

// What each method has of its own (methods.h).
using WriteMethod = void (*)(JsonWriter&, const pb::PaymentMethod&);
using WriteDetails = void (*)(JsonWriter&, const pb::PaymentMethod&, std::int64_t amount_authorized);
using WriteDestination = void (*)(JsonWriter&, bool is_done);
void card(JsonWriter& json, const pb::PaymentMethod& method);
void card_details(JsonWriter& json, const pb::PaymentMethod& method, std::int64_t amount_authorized);
void card_destination(JsonWriter& json, bool is_done);
void wallet(JsonWriter& json, const pb::PaymentMethod& method);
void wallet_details(JsonWriter& json, const pb::PaymentMethod& method, std::int64_t amount_authorized);

}  // namespace kontor::payments::parts

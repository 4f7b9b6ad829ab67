#pragma once
// Pieces that several objects' JSON share. Private to the rendering.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/payments/json.h"
#include "kontor/payments/json_writer.h"
#include "kontor/proto_fwd.h"

namespace kontor::payments::parts {

// What every object of ours fits in, so that rendering allocates once.
inline constexpr std::size_t kUsualObjectBytes = 2048;

[[nodiscard]] std::string_view currency_code(std::uint32_t numeric);
[[nodiscard]] constexpr std::int64_t seconds(std::int64_t unix_ms) {
    return unix_ms / 1000;
}

void metadata(JsonWriter& json, const google::protobuf::RepeatedPtrField<pb::Pair>& pairs);
void field_id_or_null(JsonWriter& json, std::string_view name, std::string_view id_prefix, std::uint64_t no);

// True when `expansion` names `field` itself or something below it.
[[nodiscard]] bool names(const Expansion& expansion, std::string_view field);
// What is left of the paths below `field`.
[[nodiscard]] Expansion below(const Expansion& expansion, std::string_view field);

// An expandable reference: the object when asked for and found, else its id, else null.
void customer_reference(JsonWriter& json, std::string_view field, std::uint64_t no,
                        const Expansion& expansion);
void intent_reference(JsonWriter& json, std::string_view field, std::uint64_t no, const Expansion& expansion);
void charge_reference(JsonWriter& json, std::string_view field, std::uint64_t no, const Expansion& expansion);
void balance_transaction_reference(JsonWriter& json, std::string_view field, std::uint64_t no,
                                   const Expansion& expansion);
// `source_id`: "ch_…" or "re_…".
void source_reference(JsonWriter& json, std::string_view field, std::string_view source_id,
                      const Expansion& expansion);

[[nodiscard]] std::string_view method_type(const pb::PaymentMethod& method);
// The payment_method object of a token: for last_payment_error and expand[]=payment_method.
void method_object(JsonWriter& json, const pb::PaymentMethod& method, std::uint64_t customer_no,
                   std::int64_t created_ms, bool livemode);
// charge.payment_method_details
void method_details(JsonWriter& json, const pb::PaymentMethod& method, std::int64_t amount_authorized);
// charge.billing_details and payment_method.billing_details: we hold none.
void billing_details(JsonWriter& json);

}  // namespace kontor::payments::parts

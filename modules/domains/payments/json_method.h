#pragma once
// Payment methods in JSON: what a token stands for.

#include <array>
#include <cstdint>
#include <string_view>

#include "kontor/json/field_types.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

// As an object: in last_payment_error and for expand[]=payment_method.
struct MethodView {
    const pb::PaymentMethod& row;
    std::uint64_t customer_no = 0;
    std::int64_t created_ms = 0;
    bool livemode = false;
};
extern const fields::Shape kPaymentMethodShape;
// In charge.payment_method_details.
struct MethodOfCharge {
    const pb::PaymentMethod& row;
    std::int64_t amount_authorized = 0;
};
// In refund.destination_details.
struct MethodOfRefund {
    const pb::PaymentMethod& row;
    bool is_done = false;
};

namespace parts {

// Each method has a member of its own, which is named like its type (methods.h).
template <typename View>
bool is_another(const View& view, const fields::Facts& member) {
    return view.row.type() != member.name;
}
template <typename View>
[[nodiscard]] constexpr fields::Value<View> member(const fields::Shape* shape,
                                                   void (*put)(JsonWriter&, const View&,
                                                               const fields::Facts&)) {
    return {{.type = fields::Type::hash, .shape = shape}, put, &is_another<View>};
}

extern const fields::Shape kCardShape, kCardDetailsShape, kCardDestinationShape, kNothingShape;
void put_card(JsonWriter& json, const MethodView& method, const fields::Facts& member);
void put_card_details(JsonWriter& json, const MethodOfCharge& method, const fields::Facts& member);
void put_card_destination(JsonWriter& json, const MethodOfRefund& method, const fields::Facts& member);
template <typename View>
void put_nothing(JsonWriter& json, const View& /*method*/, const fields::Facts& /*member*/) {
    json.begin_object().end_object();
}

inline constexpr auto kCard = member<MethodView>(&kCardShape, &put_card);
inline constexpr auto kCardDetails = member<MethodOfCharge>(&kCardDetailsShape, &put_card_details);
inline constexpr auto kCardDestination =
    member<MethodOfRefund>(&kCardDestinationShape, &put_card_destination);
inline constexpr auto kWallet = member<MethodView>(&kNothingShape, &put_nothing<MethodView>);
inline constexpr auto kWalletDetails = member<MethodOfCharge>(&kNothingShape, &put_nothing<MethodOfCharge>);

}  // namespace parts
}  // namespace kontor::payments

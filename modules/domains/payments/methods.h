#pragma once
// The payment methods of the API by token. One table: api validates with it, channels and docs read it.

#include <optional>
#include <string_view>

#include "kontor/payments.pb.h"

namespace kontor::payments {

// "pm_wallet" (both modes); the sandbox's well-known test tokens "pm_card_visa", "pm_card_chargeDeclined", …
// (test mode only). nullopt: no such method.
[[nodiscard]] std::optional<pb::PaymentMethod> find_method(std::string_view token, bool livemode);

// The API's word for it; "" for none.
[[nodiscard]] std::string_view method_name(pb::MethodKind kind);
// The same constant for a word that was stored; "" for none that there is.
[[nodiscard]] std::string_view method_name(std::string_view stored);
// What an intent was paid with, or tried last.
[[nodiscard]] const pb::PaymentMethod& method_of(const pb::PaymentIntent& intent);

}  // namespace kontor::payments

#pragma once
// Payment methods by the tokens that merchants name them by.

#include <optional>
#include <string_view>

#include "kontor/payments.pb.h"

namespace kontor::payments {

// A method that stands for itself (both modes), or in test mode a test token of some channel, by either of
// its names. nullopt: no such method.
[[nodiscard]] std::optional<pb::PaymentMethod> find_token(std::string_view token, bool livemode);

}  // namespace kontor::payments

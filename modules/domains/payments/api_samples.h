#pragma once
// What renderers write for full and for empty records (surface::Sample).

#include <string>
#include <vector>

#include "kontor/payments.pb.h"

namespace kontor::payments {

[[nodiscard]] pb::PaymentMethod sample_card();
[[nodiscard]] std::vector<std::string> intent_samples();
[[nodiscard]] std::vector<std::string> charge_samples();

}  // namespace kontor::payments

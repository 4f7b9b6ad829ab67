#pragma once
// References of other domains' objects to payments and charges.

#include <array>

#include "domains/payments/ids.h"
#include "kontor/json/fields.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

inline constexpr std::array kToIntent = {
    fields::Target{.object = "payment_intent",
                   .prefix = prefix::intent,
                   .kind = pb::kPaymentIntentFieldNumber,
                   .may_be_deleted = false},
};
inline constexpr std::array kToCharge = {
    fields::Target{.object = "charge",
                   .prefix = prefix::charge,
                   .kind = pb::kChargeFieldNumber,
                   .may_be_deleted = false},
};

}  // namespace kontor::payments

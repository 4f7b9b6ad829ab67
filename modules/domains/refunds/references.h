#pragma once
// References of other domains' objects to refunds.

#include <array>

#include "domains/refunds/ids.h"
#include "kontor/json/fields.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::refunds {

inline constexpr std::array kToRefund = {
    fields::Target{.object = "refund",
                   .prefix = prefix::refund,
                   .kind = pb::kRefundFieldNumber,
                   .may_be_deleted = false},
};

}  // namespace kontor::refunds

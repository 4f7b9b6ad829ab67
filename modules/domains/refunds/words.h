#pragma once
// The words that fields and parameters of refunds can have: part of the API.

#include <array>
#include <string_view>

#include "kontor/json/field_types.h"
#include "kontor/refunds.pb.h"

namespace kontor::refunds {

inline constexpr std::array kStatuses = {
    fields::Named{pb::REFUND_FAILED, "failed"},
    fields::Named{pb::REFUND_PENDING, "pending"},
    fields::Named{pb::REFUND_SUCCEEDED, "succeeded"},
};
static_assert(kStatuses.size() == pb::RefundStatus_ARRAYSIZE - 1, "a status has no word");

inline constexpr std::array<std::string_view, 3> kReasons = {"duplicate", "fraudulent",
                                                             "requested_by_customer"};

}  // namespace kontor::refunds

#pragma once
// The words that fields and parameters of payments can have: part of the API.

#include <array>
#include <string_view>

#include "kontor/json/field_types.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

inline constexpr std::array kIntentStatuses = {
    fields::Named{pb::REQUIRES_PAYMENT_METHOD, "requires_payment_method"},
    fields::Named{pb::REQUIRES_CONFIRMATION, "requires_confirmation"},
    fields::Named{pb::REQUIRES_ACTION, "requires_action"},
    fields::Named{pb::PROCESSING, "processing"},
    fields::Named{pb::REQUIRES_CAPTURE, "requires_capture"},
    fields::Named{pb::CANCELED, "canceled"},
    fields::Named{pb::SUCCEEDED, "succeeded"},
};
static_assert(kIntentStatuses.size() == pb::IntentStatus_ARRAYSIZE - 1, "a status has no word");

inline constexpr std::array<std::string_view, 4> kCancelReasons = {"abandoned", "duplicate", "fraudulent",
                                                                   "requested_by_customer"};
// By the truth of manual_capture and manual_confirmation.
inline constexpr std::array<std::string_view, 2> kCaptureMethods = {"automatic", "manual"};
inline constexpr std::array<std::string_view, 2> kConfirmationMethods = {"automatic", "manual"};
inline constexpr std::array<std::string_view, 2> kFutureUsages = {"off_session", "on_session"};

}  // namespace kontor::payments

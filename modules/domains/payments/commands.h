#pragma once
// Commands of payment intents.

#include "kontor/machine/context.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

pb::Result create_intent(machine::Context& context, const pb::CreatePaymentIntent& wanted);
pb::Result update_intent(machine::Context& context, const pb::UpdatePaymentIntent& wanted);
pb::Result confirm_intent(machine::Context& context, const pb::ConfirmPaymentIntent& wanted);
pb::Result capture_intent(machine::Context& context, const pb::CapturePaymentIntent& wanted);
pb::Result cancel_intent(machine::Context& context, const pb::CancelPaymentIntent& wanted);
// What it is about, for approvals.
[[nodiscard]] std::optional<machine::Amount> amount_of_capture(const machine::Context& context);

}  // namespace kontor::payments

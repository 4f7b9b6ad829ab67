#pragma once
// Commands of refunds, and what follows from a channel's answer to one.

#include "kontor/attempts.pb.h"
#include "kontor/machine/context.h"
#include "kontor/refunds.pb.h"

namespace kontor::refunds {

pb::Result create_refund(machine::Context& context, const pb::CreateRefund& wanted);
// What it is about, for approvals.
[[nodiscard]] std::optional<machine::Amount> amount_of_create_refund(const machine::Context& context);
pb::Result update_refund(machine::Context& context, const pb::UpdateRefund& wanted);
[[nodiscard]] pb::Result end_of_refund(machine::Context& context, pb::ChannelAttempt& attempt,
                                       const pb::ChannelAnswered& answer);

}  // namespace kontor::refunds

#pragma once
// Refunds that a channel performs.

#include "context.h"

namespace kontor::payments {

[[nodiscard]] pb::Result end_of_refund(Context& context, const pb::ChannelAttempt& attempt,
                                       const pb::ChannelAnswered& answer);

}  // namespace kontor::payments

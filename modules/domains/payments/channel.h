#pragma once
// Payments that a channel performs: asking, and what follows from its answer.

#include <cstdint>

#include "kontor/channels.pb.h"
#include "kontor/machine/context.h"

namespace kontor::payments {

// Capture or void of an authorised card payment: the intent is processing until the channel answers.
[[nodiscard]] pb::Result ask_channel(machine::Context& context, pb::PaymentIntent& intent,
                                     const pb::Charge& charge, pb::ChannelOperation operation,
                                     std::int64_t amount);

[[nodiscard]] pb::Result end_of_payment(machine::Context& context, pb::ChannelAttempt& attempt,
                                        const pb::ChannelAnswered& answer);
[[nodiscard]] pb::Result end_of_capture(machine::Context& context, pb::ChannelAttempt& attempt,
                                        const pb::ChannelAnswered& answer);
[[nodiscard]] pb::Result end_of_void(machine::Context& context, pb::ChannelAttempt& attempt,
                                     const pb::ChannelAnswered& answer);

}  // namespace kontor::payments

#pragma once
// Payments that a channel performs: asking, and what follows from its answer.

#include <cstdint>

#include "kontor/attempts.pb.h"
#include "kontor/machine/context.h"

namespace kontor::payments {

// Capture or void of an authorised payment: the intent is processing until the channel answers.
[[nodiscard]] pb::Result ask_channel(machine::Context& context, pb::PaymentIntent& intent,
                                     const pb::Charge& charge, pb::ChannelOperation operation,
                                     std::int64_t amount);

// The channel waits for the payer.
[[nodiscard]] pb::Result payer_must_act(machine::Context& context, const pb::ChannelAttempt& attempt,
                                        const pb::NextAction& action);
[[nodiscard]] pb::Result end_of_payment(machine::Context& context, pb::ChannelAttempt& attempt,
                                        const pb::ChannelAnswered& answer);
[[nodiscard]] pb::Result end_of_capture(machine::Context& context, pb::ChannelAttempt& attempt,
                                        const pb::ChannelAnswered& answer);
[[nodiscard]] pb::Result end_of_void(machine::Context& context, pb::ChannelAttempt& attempt,
                                     const pb::ChannelAnswered& answer);

}  // namespace kontor::payments

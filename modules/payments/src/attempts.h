#pragma once
// Channel attempts: the intention to call a channel, written with the command that needs it, performed by the
// outbox worker, ended by channel_answered.

#include "context.h"

namespace kontor::payments {

[[nodiscard]] pb::ChannelAttempt new_attempt(Context& context, const pb::PaymentIntent& intent,
                                             pb::ChannelOperation operation, std::int64_t amount);
// Writes the attempt and puts it into the outbox. `interim` is the answer until the channel's.
[[nodiscard]] pb::Result start_attempt(Context& context, const pb::ChannelAttempt& attempt,
                                       pb::Result interim);
// Capture or void of an authorised card payment: the intent is processing until the channel answers.
[[nodiscard]] pb::Result ask_channel(Context& context, pb::PaymentIntent& intent, const pb::Charge& charge,
                                     pb::ChannelOperation operation, std::int64_t amount);

// After the `tries`-th answer that was none: 2 s, 5 s, 15 s, 1 min, 5 min, 15 min, then 1 h each. Never given
// up: what became of the money is found out, not guessed.
[[nodiscard]] std::int64_t channel_back_off_ms(std::uint32_t tries);

// The outcome of a command that waited for the attempt.
void resolve(Context& context, const pb::ChannelAttempt& attempt, pb::Result result);

}  // namespace kontor::payments

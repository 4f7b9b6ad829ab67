#pragma once
// What the workers report of channels.

#include "kontor/attempts.pb.h"
#include "kontor/machine/context.h"

namespace kontor::attempts {

pb::Result channel_answered(machine::Context& context, const pb::ChannelAnswered& answer);
// What a channel said by itself, once for each of its names for it.
pb::Result channel_notified(machine::Context& context, const pb::ChannelNotified& notified);

// Due work: the payer did not come in time.
std::size_t expire_attempt(machine::Context& context, machine::DueClock clock, std::string_view payload,
                           std::size_t limit);

}  // namespace kontor::attempts

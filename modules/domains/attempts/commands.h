#pragma once
// What the workers report of channels.

#include "kontor/channels.pb.h"
#include "kontor/machine/context.h"

namespace kontor::attempts {

pb::Result channel_answered(machine::Context& context, const pb::ChannelAnswered& answer);

}  // namespace kontor::attempts

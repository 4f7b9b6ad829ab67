#pragma once
// Commands of channel accounts and routes.

#include "kontor/channels.pb.h"
#include "kontor/machine/context.h"

namespace kontor::channels {

pb::Result open_account(machine::Context& context, const pb::OpenChannelAccount& wanted);
pb::Result change_account(machine::Context& context, const pb::ChangeChannelAccount& wanted);
pb::Result set_routes(machine::Context& context, const pb::SetChannelRoutes& wanted);

// Due work: a notice that need not be remembered any longer.
std::size_t forget_notice(machine::Context& context, machine::DueClock clock, std::string_view payload,
                          std::size_t limit);

}  // namespace kontor::channels

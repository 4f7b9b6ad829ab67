#pragma once
// Commands of merchants.

#include <optional>

#include "kontor/accounts.pb.h"
#include "kontor/machine/context.h"

namespace kontor::accounts {

pb::Result create_merchant(machine::Context& context, const pb::CreateMerchant& wanted);
// Each command that concerns a merchant begins here: why there is no such scope.
std::optional<pb::Result> enter(machine::Context& context);

}  // namespace kontor::accounts

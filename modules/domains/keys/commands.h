#pragma once
// Commands of API keys.

#include "kontor/keys.pb.h"
#include "kontor/machine/context.h"

namespace kontor::keys {

pb::Result create_api_key(machine::Context& context, const pb::CreateApiKey& wanted);
pb::Result revoke_api_key(machine::Context& context, const pb::RevokeApiKey& wanted);

}  // namespace kontor::keys

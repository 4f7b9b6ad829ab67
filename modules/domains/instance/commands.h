#pragma once
// Commands of the installation itself.

#include "kontor/instance.pb.h"
#include "kontor/machine/context.h"

namespace kontor::instance {

pb::Result init_instance(machine::Context& context, const pb::InitInstance& wanted);

}  // namespace kontor::instance

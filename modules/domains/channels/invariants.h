#pragma once
// What holds of channel accounts, routes and notices: see domain.h.

#include "kontor/machine/audit.h"

namespace kontor::channels {

void check_routes(machine::Audit& audit);
void check_notices(machine::Audit& audit);

}  // namespace kontor::channels

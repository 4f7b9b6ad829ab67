#pragma once
// What holds of requests for approval and the policy: see domain.h.

#include "kontor/machine/audit.h"

namespace kontor::approvals {

void check_requests(machine::Audit& audit);
void check_policy(machine::Audit& audit);

}  // namespace kontor::approvals

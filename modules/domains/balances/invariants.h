#pragma once
// What holds of balances: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::balances {

void check_balances(machine::Audit& audit);
void check_waiting(machine::Audit& audit);

}  // namespace kontor::balances

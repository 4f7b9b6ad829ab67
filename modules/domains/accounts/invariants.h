#pragma once
// What holds of merchants: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::accounts {

void check_merchants(machine::Audit& audit);

}  // namespace kontor::accounts

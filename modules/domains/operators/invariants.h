#pragma once
// What holds of operators: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::operators {

void check_operators(machine::Audit& audit);

}  // namespace kontor::operators

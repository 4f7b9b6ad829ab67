#pragma once
// What holds of the cluster: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::members {

void check_members(machine::Audit& audit);

}  // namespace kontor::members

#pragma once
// What holds of API keys: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::keys {

void check_keys(machine::Audit& audit);

}  // namespace kontor::keys

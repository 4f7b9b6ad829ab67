#pragma once
// What holds of customers: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::customers {

void check_emails(machine::Audit& audit);

}  // namespace kontor::customers

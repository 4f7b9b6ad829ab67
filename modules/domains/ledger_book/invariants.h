#pragma once
// What holds of failed ids: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::ledger_book {

void check_failed_ids(machine::Audit& audit);

}  // namespace kontor::ledger_book

#pragma once
// What holds of gift cards: see domain.h.

#include "kontor/machine/audit.h"

namespace kontor::gift_cards {

void check_gift_cards(machine::Audit& audit);

}  // namespace kontor::gift_cards

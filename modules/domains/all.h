#pragma once
// All domains: what the machine runs.

#include "kontor/machine/domain.h"
#include "kontor/machine/machine.h"

namespace kontor::domains {

[[nodiscard]] const machine::Registry& registry();

// The machine over all domains.
class Machine : public machine::Machine {
 public:
    Machine() : machine::Machine(registry()) {}
};

}  // namespace kontor::domains

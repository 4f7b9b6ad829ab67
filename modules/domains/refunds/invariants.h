#pragma once
// What holds of refunds: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::refunds {

[[nodiscard]] bool is_refund_of_intent(const store::Reader& rows, machine::Scope scope, std::uint64_t parent,
                                       std::uint64_t child);
[[nodiscard]] bool is_refund_of_charge(const store::Reader& rows, machine::Scope scope, std::uint64_t parent,
                                       std::uint64_t child);
void check_refunds(machine::Audit& audit);

}  // namespace kontor::refunds

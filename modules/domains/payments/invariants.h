#pragma once
// What holds of payment intents and charges: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::payments {

[[nodiscard]] bool is_intent_of_customer(const store::Reader& rows, machine::Scope scope,
                                         std::uint64_t parent, std::uint64_t child);
[[nodiscard]] bool is_charge_of_customer(const store::Reader& rows, machine::Scope scope,
                                         std::uint64_t parent, std::uint64_t child);
[[nodiscard]] bool is_charge_of_intent(const store::Reader& rows, machine::Scope scope, std::uint64_t parent,
                                       std::uint64_t child);
[[nodiscard]] bool is_audit_record_of_intent(const store::Reader& rows, machine::Scope scope,
                                             std::uint64_t parent, std::uint64_t child);
void check_intents(machine::Audit& audit);
void check_charges(machine::Audit& audit);

}  // namespace kontor::payments

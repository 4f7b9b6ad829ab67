#pragma once
// What holds of attempts: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::attempts {

[[nodiscard]] bool is_attempt_of_intent(const store::Reader& rows, machine::Scope scope, std::uint64_t parent,
                                        std::uint64_t child);
[[nodiscard]] bool is_asked_at(const store::Reader& rows, std::int64_t due_ms, std::uint64_t no);
void check_attempts(machine::Audit& audit);

}  // namespace kontor::attempts

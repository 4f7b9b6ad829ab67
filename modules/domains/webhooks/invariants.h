#pragma once
// What holds of endpoints and deliveries: see domain.h.

#include <cstdint>

#include "kontor/machine/audit.h"

namespace kontor::webhooks {

[[nodiscard]] bool is_delivery_of_event(const store::Reader& rows, machine::Scope scope, std::uint64_t parent,
                                        std::uint64_t child);
[[nodiscard]] bool is_pending_of_endpoint(const store::Reader& rows, machine::Scope scope,
                                          std::uint64_t parent, std::uint64_t child);
[[nodiscard]] bool is_tried_at(const store::Reader& rows, std::int64_t due_ms, std::uint64_t no);
void check_deliveries(machine::Audit& audit);
void check_endpoints(machine::Audit& audit);

}  // namespace kontor::webhooks

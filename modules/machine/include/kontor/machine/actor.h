#pragma once
// Whether somebody may do something, by the state of this moment. The surfaces look before they propose; this
// is what decides.
//
// Threading: pure. An operator costs a row; an API key none: its role is a constant, and what the surface
// knew of it holds (a key that was revoked a moment ago: docs/security.md).

#include "kontor/machine/domain.h"

namespace kontor::pb {
class Actor;
}  // namespace kontor::pb

namespace kontor::machine {

[[nodiscard]] bool may_run(const Registry& registry, const store::Reader& rows, const pb::Actor& actor,
                           const Command& command);
// Of an operator; null: not there, disabled, or of a role that is not in the table.
[[nodiscard]] const Role* role_of_operator(const Registry& registry, const store::Reader& rows,
                                           std::uint64_t no);
// How a command ends whose actor may not run it.
[[nodiscard]] pb::Result not_permitted(const Permission& permission);

}  // namespace kontor::machine

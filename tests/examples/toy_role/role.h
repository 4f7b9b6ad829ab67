#pragma once
// The example of a role: a clerk who looks at payments, and at nothing else.

#include <array>

#include "domains/operators/permissions.h"
#include "domains/payments/permissions.h"

namespace kontor::toy_role {

inline constexpr std::string_view kRole = "toy_role";
inline constexpr std::array kGrants = {
    machine::Grant{kRole, &operators::permission::session},
    machine::Grant{kRole, &payments::permission::read},
};

}  // namespace kontor::toy_role

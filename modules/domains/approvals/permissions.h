#pragma once
// What one may do with requests for approval and the policy. kGrants: who may from the start.

#include <array>

#include "domains/operators/permissions.h"
#include "kontor/machine/permission.h"

namespace kontor::approvals::permission {

inline constexpr machine::Permission read{"approvals.read"};      // all of them; and withdraw one's own
inline constexpr machine::Permission decide{"approvals.decide"};  // where one may run the command as well
inline constexpr machine::Permission policy{"approvals.policy"};

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &read},
    machine::Grant{operators::kOwner, &decide},
    machine::Grant{operators::kOwner, &policy},
};

}  // namespace kontor::approvals::permission

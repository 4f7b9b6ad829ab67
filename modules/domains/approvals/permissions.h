#pragma once
// What one may do with requests for approval and the policy. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::approvals::permission {

inline constexpr machine::Permission read{"approvals.read"};      // all of them; and withdraw one's own
inline constexpr machine::Permission decide{"approvals.decide"};  // where one may run the command as well
inline constexpr machine::Permission policy{"approvals.policy"};

}  // namespace kontor::approvals::permission

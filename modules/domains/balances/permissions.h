#pragma once
// What one may do with balances and balance transactions. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::balances::permission {

inline constexpr machine::Permission read{"balances.read"};

}  // namespace kontor::balances::permission

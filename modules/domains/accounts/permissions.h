#pragma once
// What one may do with merchants. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::accounts::permission {

inline constexpr machine::Permission read_own{"account.read"};  // a merchant its own
inline constexpr machine::Permission read{"merchants.read"};    // an operator all of them
inline constexpr machine::Permission write{"merchants.write"};

}  // namespace kontor::accounts::permission

#pragma once
// What one may do with accounts at channels and the routes to them. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::channels::permission {

inline constexpr machine::Permission read{"channels.read"};
inline constexpr machine::Permission write{"channels.write"};

}  // namespace kontor::channels::permission

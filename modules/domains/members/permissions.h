#pragma once
// What one may do with the members of the cluster. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::members::permission {

inline constexpr machine::Permission write{"cluster.write"};

}  // namespace kontor::members::permission

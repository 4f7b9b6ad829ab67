#pragma once
// What one may do with the members of the cluster. kGrants: who may from the start.

#include "kontor/machine/permission.h"

namespace kontor::members::permission {

inline constexpr machine::Permission write{"cluster.write"};

inline constexpr auto kGrants = machine::kNoGrants;

}  // namespace kontor::members::permission

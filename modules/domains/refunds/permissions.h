#pragma once
// What one may do with refunds. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::refunds::permission {

inline constexpr machine::Permission read{"refunds.read"};
inline constexpr machine::Permission write{"refunds.write"};

}  // namespace kontor::refunds::permission

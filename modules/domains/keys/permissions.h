#pragma once
// What one may do with API keys. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::keys::permission {

inline constexpr machine::Permission read{"keys.read"};
inline constexpr machine::Permission write{"keys.write"};

}  // namespace kontor::keys::permission

#pragma once
// What one may do with the installation. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::instance::permission {

inline constexpr machine::Permission home{"home.read"};  // the first page, and its events

}  // namespace kontor::instance::permission

#pragma once
// What one may do with events and webhook endpoints. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::webhooks::permission {

inline constexpr machine::Permission read_events{"events.read"};
inline constexpr machine::Permission read{"webhooks.read"};
inline constexpr machine::Permission write{"webhooks.write"};

}  // namespace kontor::webhooks::permission

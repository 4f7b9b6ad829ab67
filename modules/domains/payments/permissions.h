#pragma once
// What one may do with payment intents and charges. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::payments::permission {

inline constexpr machine::Permission read{"payments.read"};
inline constexpr machine::Permission write{"payments.write"};

}  // namespace kontor::payments::permission

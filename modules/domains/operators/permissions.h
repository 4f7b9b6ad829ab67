#pragma once
// What one may do with operators and sessions. Roles are in domains/roles.cc.

#include "kontor/machine/permission.h"

namespace kontor::operators::permission {

inline constexpr machine::Permission session{"session.own"};  // one's own: look at it, end it
inline constexpr machine::Permission write{"operators.write"};

}  // namespace kontor::operators::permission

namespace kontor::operators {

// The role of whoever uses a set-up link. Stored with each operator.
inline constexpr std::string_view kOwner = "owner";

}  // namespace kontor::operators

#pragma once
// What one may do with operators and sessions. kGrants: who may from the start.

#include <array>

#include "kontor/machine/permission.h"

namespace kontor::operators {

// The role of whoever uses a set-up link. Stored with each operator.
inline constexpr std::string_view kOwner = "owner";

}  // namespace kontor::operators

namespace kontor::operators::permission {

inline constexpr machine::Permission session{"session.own"};  // one's own: look at it, end it
inline constexpr machine::Permission write{"operators.write"};

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &session},
};

}  // namespace kontor::operators::permission

#pragma once
// What one may do with accounts at channels and the routes to them. kGrants: who may from the start.

#include <array>

#include "domains/operators/permissions.h"
#include "kontor/machine/permission.h"

namespace kontor::channels::permission {

inline constexpr machine::Permission read{"channels.read"};
inline constexpr machine::Permission write{"channels.write"};

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &read},
    machine::Grant{operators::kOwner, &write},
};

}  // namespace kontor::channels::permission

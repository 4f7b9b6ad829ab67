#pragma once
// What one may do with API keys. kGrants: who may from the start.

#include <array>

#include "domains/operators/permissions.h"
#include "kontor/machine/permission.h"

namespace kontor::keys::permission {

inline constexpr machine::Permission read{"keys.read"};
inline constexpr machine::Permission write{"keys.write"};

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &read},
    machine::Grant{operators::kOwner, &write},
};

}  // namespace kontor::keys::permission

#pragma once
// What one may do with merchants. kGrants: who may from the start.

#include <array>

#include "domains/operators/permissions.h"
#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::accounts::permission {

inline constexpr machine::Permission read_own{"account.read"};  // a merchant its own
inline constexpr machine::Permission read{"merchants.read"};    // an operator all of them
inline constexpr machine::Permission write{"merchants.write"};

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &read},
    machine::Grant{operators::kOwner, &write},
    machine::Grant{domains::kSecretKey, &read_own},
};

}  // namespace kontor::accounts::permission

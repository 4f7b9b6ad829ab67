#pragma once
// What one may do with balances and balance transactions. kGrants: who may from the start.

#include <array>

#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::balances::permission {

inline constexpr machine::Permission read{"balances.read"};

inline constexpr std::array kGrants = {
    machine::Grant{domains::kSecretKey, &read},
};

}  // namespace kontor::balances::permission

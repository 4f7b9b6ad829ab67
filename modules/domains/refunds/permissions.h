#pragma once
// What one may do with refunds. kGrants: who may from the start.

#include <array>

#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::refunds::permission {

inline constexpr machine::Permission read{"refunds.read"};
inline constexpr machine::Permission write{"refunds.write"};

inline constexpr std::array kGrants = {
    machine::Grant{domains::kSecretKey, &read},
    machine::Grant{domains::kSecretKey, &write},
};

}  // namespace kontor::refunds::permission

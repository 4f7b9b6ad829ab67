#pragma once
// What one may do with payment intents and charges. kGrants: who may from the start.

#include <array>

#include "domains/operators/permissions.h"
#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::payments::permission {

inline constexpr machine::Permission read{"payments.read"};
inline constexpr machine::Permission write{"payments.write"};

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &read},
    machine::Grant{domains::kSecretKey, &read},
    machine::Grant{domains::kSecretKey, &write},
};

}  // namespace kontor::payments::permission

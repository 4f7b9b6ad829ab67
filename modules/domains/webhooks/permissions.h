#pragma once
// What one may do with events and webhook endpoints. kGrants: who may from the start.

#include <array>

#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::webhooks::permission {

inline constexpr machine::Permission read_events{"events.read"};
inline constexpr machine::Permission read{"webhooks.read"};
inline constexpr machine::Permission write{"webhooks.write"};

inline constexpr std::array kGrants = {
    machine::Grant{domains::kSecretKey, &read_events},
    machine::Grant{domains::kSecretKey, &read},
    machine::Grant{domains::kSecretKey, &write},
};

}  // namespace kontor::webhooks::permission

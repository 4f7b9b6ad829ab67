#pragma once
// What one may do with gift cards. kGrants: who may from the start.

#include <array>

#include "domains/operators/permissions.h"
#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::gift_cards::permission {

inline constexpr machine::Permission read{"gift_cards.read"};
inline constexpr machine::Permission write{"gift_cards.write"};

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &read},
    machine::Grant{domains::kSecretKey, &read},
    machine::Grant{domains::kSecretKey, &write},
};

}  // namespace kontor::gift_cards::permission

#pragma once
// What one may do with customers and their wallets. kGrants: who may from the start.

#include <array>

#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::customers::permission {

inline constexpr machine::Permission read{"customers.read"};
inline constexpr machine::Permission write{"customers.write"};
inline constexpr machine::Permission read_wallet{"wallets.read"};
inline constexpr machine::Permission write_wallet{"wallets.write"};

inline constexpr std::array kGrants = {
    machine::Grant{domains::kSecretKey, &read},
    machine::Grant{domains::kSecretKey, &write},
    machine::Grant{domains::kSecretKey, &read_wallet},
    machine::Grant{domains::kSecretKey, &write_wallet},
};

}  // namespace kontor::customers::permission

#pragma once
// What one may do with the book of the ledger API. kGrants: who may from the start.

#include <array>

#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor::ledger_book::permission {

inline constexpr machine::Permission read{"ledger.read"};
inline constexpr machine::Permission write{"ledger.write"};

inline constexpr std::array kGrants = {
    machine::Grant{domains::kSecretKey, &read},
    machine::Grant{domains::kSecretKey, &write},
};

}  // namespace kontor::ledger_book::permission

#pragma once
// What one may do with the installation. kGrants: who may from the start.

#include <array>

#include "domains/operators/permissions.h"
#include "kontor/machine/permission.h"

namespace kontor::instance::permission {

inline constexpr machine::Permission home{"home.read"};  // the first page, and its events

inline constexpr std::array kGrants = {
    machine::Grant{operators::kOwner, &home},
};

}  // namespace kontor::instance::permission

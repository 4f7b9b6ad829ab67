#pragma once
// Whoever set the installation up, in the back office.

#include "domains/operators/permissions.h"

namespace kontor::owner {

inline constexpr std::string_view kRole = operators::kOwner;
inline constexpr auto kGrants = machine::kNoGrants;  // each domain says what of it the owner may do

}  // namespace kontor::owner

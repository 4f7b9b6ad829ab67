#pragma once
// Who may do what: roles as sets of permissions. A role that is not in the list (roles/ROLES) may do nothing.
//
// Threading: constants.

#include <span>
#include <string_view>

#include "kontor/machine/permission.h"

namespace kontor::domains {

// Of every API key, in the merchant API.
inline constexpr std::string_view kSecretKey = "secret_key";

[[nodiscard]] std::span<const machine::Role> roles();
// Null: there is none of this name.
[[nodiscard]] const machine::Role* role(std::string_view name);

}  // namespace kontor::domains

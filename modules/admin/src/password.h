#pragma once
// The rules for passwords.
//
// Threading: pure. Errors: the code that docs/admin-api.md names.

#include <string_view>

namespace kontor::admin {

// "" when the password may be used, else the error's code: password_too_short, password_too_long,
// password_too_common.
[[nodiscard]] std::string_view password_problem(std::string_view password, std::string_view operator_name);

}  // namespace kontor::admin

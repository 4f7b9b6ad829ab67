#pragma once
// For the tests that write out which role may call which route.

#include <string>

#include "domains/roles.h"
#include "kontor/machine/permission.h"

namespace kontor_test {

// By name, with blanks between.
inline std::string roles_that_may(const kontor::machine::Permission& permission) {
    std::string names;
    for (const kontor::machine::Role& role : kontor::domains::roles()) {
        if (&permission != &kontor::machine::kAnybody && !role.may(permission)) continue;
        names += (names.empty() ? "" : " ") + std::string(role.name.value);
    }
    return names;
}

}  // namespace kontor_test

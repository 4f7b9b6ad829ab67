#pragma once
// What somebody may be allowed to do, and roles as sets of it. A domain names its permissions in
// domains/<x>/permissions.h; which role has which is one table, domains/roles.cc.
//
// Threading: constants. Ownership: a permission is its constant; another one of the same name is not it.

#include <algorithm>
#include <span>
#include <string_view>

#include "kontor/base/required.h"

namespace kontor::machine {

struct Permission {
    std::string_view name;  // "customers.read"

    constexpr explicit Permission(std::string_view the_name) : name(the_name) {}
    Permission(const Permission&) = delete;
    Permission& operator=(const Permission&) = delete;
};
// Of a route: it needs no key and no session.
inline constexpr Permission kAnybody{"anybody"};
// Of a command: the platform's own parts propose it, for nobody who could be asked.
inline constexpr Permission kPlatform{"platform"};

struct Role {
    Required<std::string_view> name;
    Required<std::span<const Permission* const>> permissions;

    [[nodiscard]] constexpr bool may(const Permission& permission) const {
        return std::find(permissions.value.begin(), permissions.value.end(), &permission) !=
               permissions.value.end();
    }
};

}  // namespace kontor::machine

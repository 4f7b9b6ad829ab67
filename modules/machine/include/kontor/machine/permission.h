#pragma once
// What somebody may be allowed to do, and roles as sets of it. A domain names its permissions in
// domains/<x>/permissions.h, and beside them which roles have them from the start; a role's own folder may
// name more (domains/roles).
//
// Threading: constants. Ownership: a permission is its constant; another one of the same name is not it.

#include <algorithm>
#include <array>
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

// That a role has a permission.
struct Grant {
    Required<std::string_view> role;
    RequiredPointer<const Permission*> permission;
};
inline constexpr std::array<Grant, 0> kNoGrants = {};

struct Role {
    Required<std::string_view> name;
    Required<std::span<const Permission* const>> permissions;

    [[nodiscard]] constexpr bool may(const Permission& permission) const {
        return std::find(permissions.value.begin(), permissions.value.end(), &permission) !=
               permissions.value.end();
    }
};

}  // namespace kontor::machine

#include "domains/roles.h"

#include <array>
#include <utility>

#include "lists/roles.h"

namespace kontor::domains {

namespace {

using lists::kRoles;
using machine::Permission;

constexpr std::size_t grants_listed() {
    std::size_t count = 0;
    for (const auto& of_folder : lists::kGrants) count += of_folder.size();
    return count;
}

// What is granted, role by role; `ends`: where each role's part ends.
struct Granted {
    std::array<const Permission*, grants_listed()> permissions = {};
    std::array<std::size_t, kRoles.size()> ends = {};
};
constexpr Granted kGranted = [] {
    Granted all;
    std::size_t count = 0;
    for (std::size_t role = 0; role < kRoles.size(); ++role) {
        for (const auto& of_folder : lists::kGrants)
            for (const machine::Grant& grant : of_folder)
                if (grant.role.value == kRoles[role]) all.permissions[count++] = grant.permission.value;
        all.ends[role] = count;
    }
    return all;
}();

constexpr std::span<const Permission* const> permissions_of(std::size_t role) {
    const std::size_t begin = role == 0 ? 0 : kGranted.ends[role - 1];
    return std::span(kGranted.permissions).subspan(begin, kGranted.ends[role] - begin);
}
template <std::size_t... I>
constexpr auto make_roles(std::index_sequence<I...> /*positions*/) {
    return std::array{machine::Role{kRoles[I], permissions_of(I)}...};
}
// What people and keys may do is decided in apply() by this table: a permission that a role gets or loses is
// a change of the rules, and needs a feature level of its own (features.h), but for permissions of commands
// that are new with it.
constexpr auto kTable = make_roles(std::make_index_sequence<kRoles.size()>());

constexpr bool roles_are_distinct() {
    for (std::size_t i = 0; i < kRoles.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (kRoles[i] == kRoles[j]) return false;
    return true;
}
static_assert(roles_are_distinct(), "a role is there twice");
static_assert(kGranted.ends.back() == grants_listed(), "a permission is granted to a role that there is not");

constexpr bool grants_are_sound() {
    for (const machine::Role& role : kTable) {
        const auto& all = role.permissions.value;
        for (std::size_t i = 0; i < all.size(); ++i) {
            // Nobody needs a role for the one, and nobody may be given the other.
            if (all[i]->name == machine::kAnybody.name || all[i]->name == machine::kPlatform.name)
                return false;
            for (std::size_t j = 0; j < i; ++j)
                if (all[i]->name == all[j]->name) return false;
        }
    }
    return true;
}
static_assert(grants_are_sound(), "a role is granted a permission twice, or one that is nobody's");

}  // namespace

std::span<const machine::Role> roles() {
    return kTable;
}

const machine::Role* role(std::string_view name) {
    for (const machine::Role& one : kTable)
        if (one.name.value == name) return &one;
    return nullptr;
}

}  // namespace kontor::domains

#include "domains/roles.h"

#include <array>

#include "domains/accounts/permissions.h"
#include "domains/approvals/permissions.h"
#include "domains/balances/permissions.h"
#include "domains/channels/permissions.h"
#include "domains/customers/permissions.h"
#include "domains/instance/permissions.h"
#include "domains/keys/permissions.h"
#include "domains/ledger_book/permissions.h"
#include "domains/operators/permissions.h"
#include "domains/payments/permissions.h"
#include "domains/refunds/permissions.h"
#include "domains/webhooks/permissions.h"

namespace kontor::domains {

namespace {

using machine::Permission;

// Whoever set the installation up, in the back office.
constexpr std::array<const Permission*, 12> kOfOwner = {
    &operators::permission::session, &instance::permission::home,    &payments::permission::read,
    &accounts::permission::read,     &accounts::permission::write,   &keys::permission::read,
    &keys::permission::write,        &channels::permission::read,    &channels::permission::write,
    &approvals::permission::read,    &approvals::permission::decide, &approvals::permission::policy,
};

// A merchant's program: all of the merchant API, in the merchant and mode of its key.
constexpr std::array<const Permission*, 15> kOfSecretKey = {
    &customers::permission::read,        &customers::permission::write,
    &customers::permission::read_wallet, &customers::permission::write_wallet,
    &payments::permission::read,         &payments::permission::write,
    &refunds::permission::read,          &refunds::permission::write,
    &balances::permission::read,         &webhooks::permission::read_events,
    &webhooks::permission::read,         &webhooks::permission::write,
    &ledger_book::permission::read,      &ledger_book::permission::write,
    &accounts::permission::read_own,
};

// One row a role. What people and keys may do is decided in apply() by this table: a permission that a role
// gets or loses is a change of the rules, and needs a feature level of its own (features.h), but for
// permissions of commands that are new with it.
constexpr std::array kRoles = {
    machine::Role{operators::kOwner, std::span<const Permission* const>(kOfOwner)},
    machine::Role{kSecretKey, std::span<const Permission* const>(kOfSecretKey)},
};

constexpr bool roles_are_sound() {
    for (std::size_t i = 0; i < kRoles.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            if (kRoles[i].name.value == kRoles[j].name.value) return false;
        // Nobody needs a role for the one, and nobody may be given the other.
        for (const Permission* of_role : kRoles[i].permissions.value)
            if (of_role->name == machine::kAnybody.name || of_role->name == machine::kPlatform.name)
                return false;
    }
    return true;
}
static_assert(roles_are_sound(), "a role is there twice, or has a permission that is nobody's");

}  // namespace

std::span<const machine::Role> roles() {
    return kRoles;
}

const machine::Role* role(std::string_view name) {
    for (const machine::Role& one : kRoles)
        if (one.name.value == name) return &one;
    return nullptr;
}

}  // namespace kontor::domains

#pragma once
// Customers by e-mail: an address may be longer than a key, so the index holds a hash of it, and a reader
// compares the address itself.

#include "kontor/crypto/crypto.h"
#include "kontor/machine/rows.h"

namespace kontor::customers {

[[nodiscard]] inline machine::Key email_key(machine::Scope scope, std::string_view email) {
    constexpr std::size_t kEmailHashBytes = 16;
    return machine::Key().scope(scope).bytes(
        std::string_view(crypto::sha256(email)).substr(0, kEmailHashBytes));
}

}  // namespace kontor::customers

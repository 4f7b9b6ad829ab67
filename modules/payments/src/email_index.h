#pragma once
// Customers by e-mail: an address may be longer than a key, so the index holds a hash of it, and a reader
// compares the address itself.

#include "kontor/crypto/crypto.h"
#include "rows.h"

namespace kontor::payments {

[[nodiscard]] inline Key email_key(Scope scope, std::string_view email) {
    constexpr std::size_t kEmailHashBytes = 16;
    return Key().scope(scope).bytes(std::string_view(crypto::sha256(email)).substr(0, kEmailHashBytes));
}

}  // namespace kontor::payments

#pragma once
// The key that seals secrets at rest: 32 random bytes in a file outside the data folder, readable by its
// owner (and group) only. Errors: each says what to do next.

#include <string>

#include "kontor/base/result.h"
#include "kontor/crypto/crypto.h"

namespace kontor::app {

// permission_denied: everybody may read it.
[[nodiscard]] Result<void> check_private(const std::string& path);
[[nodiscard]] Result<crypto::Secret> load_secrets_key(const std::string& path);
// Refuses to overwrite: a lost key cannot be made again.
[[nodiscard]] Result<void> make_secrets_key(const std::string& path);

}  // namespace kontor::app

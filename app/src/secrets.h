#pragma once
// The key that seals secrets at rest: 32 random bytes in a file outside the data folder, readable by its
// owner (and group) only, and the check that it is the key of this data folder. Errors: each says what to do
// next.

#include <optional>
#include <string>

#include "kontor/base/result.h"
#include "kontor/crypto/crypto.h"

namespace kontor::store {
class Reader;
}

namespace kontor::app {

// permission_denied: everybody may read it.
[[nodiscard]] Result<void> check_private(const std::string& path);
// `data_folder` decides what to do about a key that is missing: a new one cannot open what is there.
[[nodiscard]] Result<crypto::Secret> load_secrets_key(const std::string& path,
                                                      const std::string& data_folder = {});
// Refuses to overwrite: a lost key cannot be made again.
[[nodiscard]] Result<void> make_secrets_key(const std::string& path);

// Whether this key sealed the folder's secrets, by the folder's check value (docs/formats/sealed.md). false:
// it has none yet, or a damaged one. Errors: permission_denied when it is another key.
[[nodiscard]] Result<bool> check_secrets_key(const crypto::Secret& key, const std::string& key_file,
                                             const std::string& data_folder);
// Tries one secret of each kind that the rows hold. Errors: as above.
[[nodiscard]] Result<void> check_secrets_key(const crypto::Sealer& sealer, const std::string& key_file,
                                             const store::Reader& rows);
// For commands about a folder that the node of this configuration uses: a key that is missing or wrong is
// noticed before anything is done. False: the folder has no check value, such as one of an earlier
// version, and so nothing to compare.
[[nodiscard]] Result<bool> check_configured_key(const std::string& key_file, const std::string& data_folder);
// From now on the folder belongs to this key.
[[nodiscard]] Result<void> remember_secrets_key(const crypto::Secret& key, const std::string& data_folder);

}  // namespace kontor::app

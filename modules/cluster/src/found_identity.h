#pragma once
// A node's identity as a command finds it in a folder, before anything is opened.
//
// Threading: none. Errors: as load_identity().

#include <optional>
#include <string>

#include "identity.h"

namespace kontor::cluster {

struct FoundIdentity {
    Identity identity;
    bool is_copied = false;  // written for another folder; save_identity() makes it this one's
};
// Also that of a copy, which load_identity() refuses.
[[nodiscard]] Result<std::optional<FoundIdentity>> find_identity(const std::string& data_folder);

// Refused where a start is: a copy; joining was not finished; its state differs from the others'; it forgot.
// Errors: permission_denied, conflict.
[[nodiscard]] Result<std::optional<Identity>> identity_to_start_with(const std::string& data_folder);

}  // namespace kontor::cluster

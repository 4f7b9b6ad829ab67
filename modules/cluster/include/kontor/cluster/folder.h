#pragma once
// What peer/ in a stopped node's folder says, before a cluster is opened.
//
// Threading: none. Errors: as Cluster::open().

#include <cstdint>
#include <string>

#include "kontor/base/result.h"

namespace kontor::cluster {

enum class FolderKind : std::uint8_t {
    single,   // of no cluster
    member,   // of a cluster
    waiting,  // of one that copies the state from another node first: what it holds does not count
};
// What open() would say about a stopped node's folder; changes nothing. Errors: as open().
[[nodiscard]] Result<FolderKind> check_folder(const std::string& data_folder);
// The operator says that a copy of a member's folder counts, and that no other one of this number does: it
// becomes the original, and forgets that others told it what it forgot. False: there was nothing to say.
// `only_look`: changes nothing. Errors: permission_denied (it has no state yet), io, corruption.
[[nodiscard]] Result<bool> adopt_folder(const std::string& data_folder, bool only_look);

}  // namespace kontor::cluster

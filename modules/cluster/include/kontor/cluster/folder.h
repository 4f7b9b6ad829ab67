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
// A member's folder says which node it is: peer/identity.json is there, and not damaged.
[[nodiscard]] bool says_which_node(const std::string& data_folder);
// The operator says that a copy of a member's folder, or an older one, counts, and that no other node does:
// it becomes the original, forgets that others told it what it forgot, and has no peers until it has taken
// over. False: of no member. `only_look`: changes nothing, and says whether it is a copy or was told that it
// forgot. Errors: permission_denied (it has no state yet), io, corruption.
[[nodiscard]] Result<bool> adopt_folder(const std::string& data_folder, bool only_look);

}  // namespace kontor::cluster

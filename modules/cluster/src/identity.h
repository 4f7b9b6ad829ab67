#pragma once
// Who this node is: <data>/peer/identity.json, mode 0600, written whole. It holds the node's private key, so
// it is as secret as that.
//
// The mark says which folder it was written for: a copy of a data folder has another inode and birth time,
// and two nodes that both think they are number 2 could vote twice. Errors: io, corruption,
// permission_denied.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "kontor/base/result.h"
#include "kontor/peer/peer.h"
#include "kontor/replication/promise.h"

namespace kontor::cluster {

struct Identity {
    std::uint64_t node_no = 0;
    std::string cluster_id;  // 16 bytes
    std::string name, advertised;
    peer::PeerCredentials credentials;
    std::string api_url;                         // as it was last told
    std::map<std::uint64_t, std::string> peers;  // others' addresses as last known: how a start finds them
    bool needs_state = false;                    // joined, and has nothing yet
    std::string joined_with;                     // SHA-256 of the token, hex; to repeat a join
    std::string key_request_pem;                 // while joining: what the certificate was asked with
    std::string differs;   // its state is wrong, and where: it never starts again with this folder
    std::string forgot;    // it stands on an older copy of its folder: only rejoin() helps
    bool has_log = false;  // it has served: a log that is missing was lost
    bool rejoins = false;  // asks to be taken in anew before anything else
    // An operator said that this older copy is all that is left: until it has taken over it has no peers, so
    // that two copies cannot outvote the node that knows more.
    bool counts_alone = false;
    // While it does: what the new folder begins with, beyond all that was promised under this number.
    std::optional<replication::Promise> renewed;
};

[[nodiscard]] Result<std::optional<Identity>> load_identity(const std::string& data_folder);
[[nodiscard]] Result<void> save_identity(const std::string& data_folder, const Identity& identity);

}  // namespace kontor::cluster

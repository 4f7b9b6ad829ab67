#pragma once
// A node's identity in a parsed certificate; the public side is in kontor/peer/certificates.h.

#include "kontor/peer/certificates.h"
#include "kontor/transport/pem.h"

namespace kontor::peer {

// invalid_argument unless there is exactly one URI name and it is a node's.
[[nodiscard]] Result<PeerIdentity> identity_of(const X509& certificate);
[[nodiscard]] std::string identity_uri(const PeerIdentity& identity);
// "kontor://<32 hex>/node/<id>", nothing else; `certificate_sha256` stays empty.
[[nodiscard]] Result<PeerIdentity> parse_identity_uri(std::string_view uri);
// Lower-case hex without colons, or invalid_argument when it is not a SHA-256.
[[nodiscard]] Result<std::string> normal_sha256(std::string_view text);

}  // namespace kontor::peer

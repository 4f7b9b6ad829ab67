#pragma once
// TLS of the peer port: contexts, and who the other side is.
//
// The server lets every handshake through and then refuses in words what it does not trust: TLS 1.3 has only
// alerts for it, and "bad certificate" tells nobody what to do. So nothing of a connection may be used before
// identify() was asked. The client is strict: it fails the handshake, and shows nothing of itself.
//
// Threading: contexts are constant after they are made. Ownership: a HandshakeCheck outlives the handshake.

#include <cstdint>
#include <memory>
#include <string>

#include "kontor/peer/peer.h"
#include "kontor/transport/byte_stream.h"

namespace kontor::peer {

struct PeerTls {
    transport::SslContext server, client;
};

// invalid_argument: the certificate is not `self`'s, or not issued by one of the authorities.
[[nodiscard]] Result<std::shared_ptr<const PeerTls>> make_peer_tls(const PeerCredentials& credentials,
                                                                   const PeerIdentity& self);
// Trusts only the authority with this fingerprint (normal_sha256), which the server must send; no certificate
// of its own. `ca_sha256` outlives the context.
[[nodiscard]] Result<transport::SslContext> make_pinned_context(const std::string& ca_sha256);

struct HandshakeCheck {
    std::string problem;  // why the other side's certificate is not trusted
};
void attach(SSL& ssl, HandshakeCheck* check);  // null: detach

// After the handshake. `expected` 0: any node. A caller without certificate has node id 0. permission_denied
// says why somebody is refused.
[[nodiscard]] Result<PeerIdentity> identify(SSL& ssl, const HandshakeCheck& check, const PeerIdentity& self,
                                            std::uint64_t expected);

}  // namespace kontor::peer

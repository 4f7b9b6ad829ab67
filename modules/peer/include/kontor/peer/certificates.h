#pragma once
// The cluster's own authority and one certificate for each node (ECDSA P-256); peer.h uses them.
//
// Threading: pure functions. Errors: invalid_argument when a PEM text is not usable; internal when OpenSSL
// fails. Limits: node certificates live kNodeCertificateDays, the authority kClusterAuthorityDays.

#include <cstddef>
#include <cstdint>
#include <string>

#include "kontor/base/result.h"
#include "kontor/transport/certificates.h"

namespace kontor::peer {

inline constexpr std::size_t kClusterIdBytes = 16;
inline constexpr std::int64_t kNodeCertificateDays = 365;
inline constexpr std::int64_t kClusterAuthorityDays = 3'653;
// Certificates are valid from this long ago: nodes' clocks differ. A day, so that a clock that is hours
// behind is named as what is wrong, where clocks are compared, and not the certificate.
inline constexpr std::int64_t kNodeBackdateMs = 24LL * 3600 * 1000;

// Who a node is, as its certificate says it: SAN URI `kontor://<cluster, 32 hex digits>/node/<id>`.
struct PeerIdentity {
    std::string cluster;             // kClusterIdBytes bytes
    std::uint64_t node_id = 0;       // 0: nobody (a caller without certificate)
    std::string certificate_sha256;  // of the DER form, 64 lower-case hex digits
};

struct KeyAndRequest {
    std::string private_key_pem;  // never leaves its node
    std::string request_pem;      // PKCS #10, signed with the key: proof of possession
};

[[nodiscard]] Result<transport::CertificateAuthority> make_cluster_authority(const std::string& cluster,
                                                                             std::int64_t now_ms);
[[nodiscard]] Result<KeyAndRequest> make_private_key_and_request();
// Takes the public key from the request and nothing else; `identity` without certificate_sha256. The PEM
// text of the certificate.
[[nodiscard]] Result<std::string> issue_node_certificate(const transport::CertificateAuthority& authority,
                                                         const std::string& request_pem,
                                                         const PeerIdentity& identity, std::int64_t days,
                                                         std::int64_t now_ms);
// Of the first certificate in the text. invalid_argument: not a node's certificate.
[[nodiscard]] Result<PeerIdentity> read_identity(const std::string& certificate_pem);
// SHA-256 of the first certificate's DER form, 64 lower-case hex digits: what a join token carries.
[[nodiscard]] Result<std::string> ca_fingerprint(const std::string& ca_pem);

}  // namespace kontor::peer

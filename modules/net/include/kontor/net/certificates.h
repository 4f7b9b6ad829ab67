#pragma once
// Makes X.509 material (ECDSA P-256): a private CA and server certificates for `kontor dev` and set-up, and
// the cluster's own authority with one certificate for each node (peer.h uses them).
//
// Threading: pure functions. Errors: invalid_argument when a PEM text or a name is not usable; internal when
// OpenSSL fails. Limits: server certificates live 825 days, node certificates 365, authorities 10 years.

#include <cstdint>
#include <string>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/net/server.h"

namespace kontor::net {

struct CertificateAuthority {
    std::string certificate_pem;
    std::string private_key_pem;
};

[[nodiscard]] Result<CertificateAuthority> make_authority(const std::string& common_name,
                                                          std::int64_t now_ms);
// `names`: DNS names and IP addresses for the subject alternative name.
[[nodiscard]] Result<TlsIdentity> issue_server_certificate(const CertificateAuthority& authority,
                                                           const std::vector<std::string>& names,
                                                           std::int64_t now_ms);
// SHA-256 of the DER form, lower-case hex with colons, as browsers show it.
[[nodiscard]] Result<std::string> certificate_fingerprint(const std::string& certificate_pem);
// Unix seconds.
[[nodiscard]] Result<std::int64_t> certificate_not_after(const std::string& certificate_pem);

// ---- the cluster's authority and its nodes ----

inline constexpr std::size_t kClusterIdBytes = 16;
inline constexpr std::int64_t kNodeCertificateDays = 365;
inline constexpr std::int64_t kClusterAuthorityDays = 3'653;
// Certificates are valid from this long ago: nodes' clocks differ. A day, so that a clock that is hours
// behind is named as what is wrong, by whoever compares clocks, and not the certificate.
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

[[nodiscard]] Result<CertificateAuthority> make_cluster_authority(const std::string& cluster,
                                                                  std::int64_t now_ms);
[[nodiscard]] Result<KeyAndRequest> make_private_key_and_request();
// Takes the public key from the request and nothing else; `identity` without certificate_sha256. The PEM
// text of the certificate.
[[nodiscard]] Result<std::string> issue_node_certificate(const CertificateAuthority& authority,
                                                         const std::string& request_pem,
                                                         const PeerIdentity& identity, std::int64_t days,
                                                         std::int64_t now_ms);
// Of the first certificate in the text. invalid_argument: not a node's certificate.
[[nodiscard]] Result<PeerIdentity> read_identity(const std::string& certificate_pem);
// SHA-256 of the first certificate's DER form, 64 lower-case hex digits: what a join token carries.
[[nodiscard]] Result<std::string> ca_fingerprint(const std::string& ca_pem);

}  // namespace kontor::net

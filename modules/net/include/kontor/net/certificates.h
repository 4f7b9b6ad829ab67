#pragma once
// Makes X.509 material (ECDSA P-256): a private CA and server certificates for `kontor dev` and set-up, and
// the cluster's own authority with one certificate for each node (peer.h uses them).
//
// Threading: pure functions. Errors: invalid_argument when a PEM text or a name is not usable; internal when
// OpenSSL fails. Limits: server certificates live at most kServerCertificateDays, node certificates 365,
// authorities 10 years.

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
// From its first valid second to its last one: what browsers accept at most is 398.
inline constexpr std::int64_t kServerCertificateDays = 397;
// `names`: DNS names and IP addresses for the subject alternative name.
[[nodiscard]] Result<TlsIdentity> issue_server_certificate(const CertificateAuthority& authority,
                                                           const std::vector<std::string>& names,
                                                           std::int64_t now_ms);
// SHA-256 of the DER form, lower-case hex with colons, as browsers show it.
[[nodiscard]] Result<std::string> certificate_fingerprint(const std::string& certificate_pem);
// invalid_argument: one of them cannot stand in a certificate, or they are none or too many.
[[nodiscard]] Result<void> check_certificate_names(const std::vector<std::string>& names);

struct Validity {
    std::int64_t not_before_s = 0, not_after_s = 0;  // Unix seconds
};
[[nodiscard]] Result<Validity> certificate_validity(const std::string& certificate_pem);  // of the first one

// Both can be read, and are of one key.
[[nodiscard]] bool are_a_pair(const std::string& certificate_pem, const std::string& private_key_pem);
[[nodiscard]] bool holds_private_key(const std::string& pem);
// The chain is a private key and no certificate, and the other way round.
[[nodiscard]] bool are_swapped(const TlsIdentity& identity);

struct IdentityProblem {
    bool is_of_key = false;  // else of the certificate chain
    std::string what;        // for an operator: "expired on 2026-01-31"
};
// What keeps a server with this identity from being believed at this time by clients that know its authority:
// no PEM, a key of another certificate, dates, a wrong order, not for servers, not for all of `names`. Empty:
// nothing that can be seen here.
[[nodiscard]] std::vector<IdentityProblem> check_server_identity(const TlsIdentity& identity,
                                                                 const std::vector<std::string>& names,
                                                                 std::int64_t now_ms);

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

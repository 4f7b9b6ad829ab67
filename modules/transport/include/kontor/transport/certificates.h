#pragma once
// Makes X.509 material (ECDSA P-256): a private CA and server certificates for `kontor dev` and set-up. Those
// of a cluster's nodes are in kontor/peer/certificates.h.
//
// Threading: pure functions. Errors: invalid_argument when a PEM text or a name is not usable; internal when
// OpenSSL fails. Limits: server certificates live at most kServerCertificateDays, authorities 10 years.

#include <cstdint>
#include <string>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/transport/tls_identity.h"

namespace kontor::transport {

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

}  // namespace kontor::transport

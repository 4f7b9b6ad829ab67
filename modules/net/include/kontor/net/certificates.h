#pragma once
// Makes X.509 material: a private CA and server certificates (ECDSA P-256), for `kontor dev` and set-up.
// Errors: internal when OpenSSL fails. Limits: server certificates live 825 days, the CA 10 years.

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

}  // namespace kontor::net

#pragma once
// The TLS settings of Kontor in one place: versions, ciphers, session tickets, trust.
// Errors: invalid_argument when PEM text does not parse or key and certificate do not belong together.

#include <string>

#include "kontor/base/result.h"
#include "kontor/net/server.h"
#include "transport.h"

namespace kontor::net {

[[nodiscard]] Result<SslContext> make_server_context(const TlsIdentity& identity);
// Trusts the system's store and `ca_pem` (any number of certificates; may be empty).
[[nodiscard]] Result<SslContext> make_client_context(const std::string& ca_pem);

}  // namespace kontor::net

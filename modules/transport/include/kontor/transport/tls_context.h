#pragma once
// The TLS settings of Kontor in one place: versions, ciphers, session tickets, trust.
// Errors: invalid_argument when PEM text does not parse or key and certificate do not belong together.

#include <string>

#include "kontor/base/result.h"
#include "kontor/transport/byte_stream.h"
#include "kontor/transport/tls_identity.h"

namespace kontor::transport {

// TLS 1.2 and better, no identity, no trust.
[[nodiscard]] Result<SslContext> make_base_context(const SSL_METHOD* method);
[[nodiscard]] Result<void> use_identity(SSL_CTX& context, const TlsIdentity& identity);
[[nodiscard]] Result<void> trust(X509_STORE& store, const std::string& ca_pem);

[[nodiscard]] SslContext shared_context(SSL_CTX* context);  // another owner of the same
[[nodiscard]] Result<SslContext> make_server_context(const TlsIdentity& identity);
// Trusts the system's store and `ca_pem` (any number of certificates; may be empty).
[[nodiscard]] Result<SslContext> make_client_context(const std::string& ca_pem);

}  // namespace kontor::transport

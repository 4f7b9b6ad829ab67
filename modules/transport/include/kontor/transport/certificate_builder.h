#pragma once
// What all certificates of Kontor have in common: key, serial number, validity, names, extensions.
//
// Errors: the bool functions say only that OpenSSL refused.

#include <cstdint>
#include <string>

#include "kontor/base/result.h"
#include "kontor/transport/certificates.h"
#include "kontor/transport/pem.h"

namespace kontor::transport {

[[nodiscard]] Unexpected openssl_failed(const char* what);
[[nodiscard]] bool set_random_serial(X509& certificate);
[[nodiscard]] bool set_validity(X509& certificate, std::int64_t now_ms, std::int64_t backdate_seconds,
                                std::int64_t days);
[[nodiscard]] bool set_common_name(X509& certificate, const std::string& name);
// `value` goes through OpenSSL's configuration syntax: only text that was checked may reach it.
[[nodiscard]] bool add_extension(X509& certificate, X509& issuer, int nid, const std::string& value);
// A self-signed authority that may sign end certificates and nothing else.
[[nodiscard]] Result<X509Pointer> build_authority(EVP_PKEY& key, const std::string& common_name,
                                                  std::int64_t now_ms, std::int64_t backdate_seconds,
                                                  std::int64_t days);
[[nodiscard]] Result<X509Pointer> first_certificate(const std::string& pem);
[[nodiscard]] Result<Validity> validity_of(const X509& certificate);
// Raw SHA-256 of the DER form: 32 bytes.
[[nodiscard]] Result<std::string> certificate_digest(const X509& certificate);

}  // namespace kontor::transport

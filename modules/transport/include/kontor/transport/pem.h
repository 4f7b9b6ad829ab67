#pragma once
// Owning pointers for OpenSSL's certificate types, and PEM text in and out.

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::transport {

struct FreePem {
    void operator()(BIO* p) const { BIO_free_all(p); }
    void operator()(X509* p) const { X509_free(p); }
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
    void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
using BioPointer = std::unique_ptr<BIO, FreePem>;
using X509Pointer = std::unique_ptr<X509, FreePem>;
using KeyPointer = std::unique_ptr<EVP_PKEY, FreePem>;

// At least one certificate; at most kMaxChainLength.
inline constexpr std::size_t kMaxChainLength = 256;
[[nodiscard]] Result<std::vector<X509Pointer>> certificates_from_pem(const std::string& pem);
[[nodiscard]] Result<KeyPointer> key_from_pem(const std::string& pem);
[[nodiscard]] Result<std::string> certificate_to_pem(X509& certificate);
[[nodiscard]] Result<std::string> key_to_pem(EVP_PKEY& key);

}  // namespace kontor::transport

#include "kontor/net/certificates.h"

#include <arpa/inet.h>
#include <openssl/rand.h>

#include <ctime>

#include "pem.h"

namespace kontor::net {
namespace {

constexpr std::int64_t kServerDays = 825;
constexpr std::int64_t kAuthorityDays = 3653;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kBackdateSeconds = 3600;  // clocks of clients differ
constexpr std::size_t kMaxNames = 100;

Unexpected openssl_failed(const char* what) {
    return fail(ErrorCode::internal, std::string("OpenSSL: ") + what);
}

bool set_random_serial(X509& certificate) {
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1) return false;
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7FU) | 0x40U);  // positive, and always 16 bytes
    BIGNUM* number = BN_bin2bn(bytes, sizeof(bytes), nullptr);
    const bool ok =
        number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(&certificate)) != nullptr;
    BN_free(number);
    return ok;
}

bool set_validity(X509& certificate, std::int64_t now_ms, std::int64_t days) {
    const std::int64_t now = now_ms / 1000;
    return ASN1_TIME_set(X509_getm_notBefore(&certificate),
                         static_cast<std::time_t>(now - kBackdateSeconds)) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(&certificate),
                         static_cast<std::time_t>(now + days * kSecondsPerDay)) != nullptr;
}

bool set_common_name(X509& certificate, const std::string& name) {
    X509_NAME* subject = X509_get_subject_name(&certificate);
    const auto* text = reinterpret_cast<const unsigned char*>(name.data());
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, static_cast<int>(name.size()), -1,
                                      0) == 1;
}

bool add_extension(X509& certificate, X509& issuer, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, FreePem> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    return extension && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

// The value goes through OpenSSL's configuration syntax, so only plain names may reach it.
Result<std::string> alternative_name(const std::string& name) {
    unsigned char address[16];
    if (inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1)
        return "IP:" + name;
    if (name.empty() || name.size() > 253)
        return fail(ErrorCode::invalid_argument, "a certificate name is 1 to 253 characters");
    for (const char c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '*' || c == '_';
        if (!plain) return fail(ErrorCode::invalid_argument, "not a DNS name or IP address: " + name);
    }
    return "DNS:" + name;
}

Result<X509Pointer> parse_one(const std::string& pem) {
    KONTOR_TRY(auto chain, certificates_from_pem(pem));
    return std::move(chain.front());
}

}  // namespace

Result<CertificateAuthority> make_authority(const std::string& common_name, std::int64_t now_ms) {
    const KeyPointer key(EVP_EC_gen("P-256"));
    const X509Pointer certificate(X509_new());
    if (!key || !certificate) return openssl_failed("no key");
    X509& x = *certificate;
    bool ok = X509_set_version(&x, X509_VERSION_3) == 1 && set_random_serial(x) &&
              set_validity(x, now_ms, kAuthorityDays) && set_common_name(x, common_name) &&
              X509_set_issuer_name(&x, X509_get_subject_name(&x)) == 1 && X509_set_pubkey(&x, key.get()) == 1;
    ok = ok && add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
         add_extension(x, x, NID_subject_key_identifier, "hash");
    if (!ok || X509_sign(&x, key.get(), EVP_sha256()) == 0)
        return openssl_failed("could not make an authority");
    CertificateAuthority out;
    KONTOR_TRY(out.certificate_pem, certificate_to_pem(x));
    KONTOR_TRY(out.private_key_pem, key_to_pem(*key));
    return out;
}

Result<TlsIdentity> issue_server_certificate(const CertificateAuthority& authority,
                                             const std::vector<std::string>& names, std::int64_t now_ms) {
    if (names.empty() || names.size() > kMaxNames)
        return fail(ErrorCode::invalid_argument, "a certificate needs 1 to 100 names");
    std::string alternatives;
    for (const std::string& name : names) {
        KONTOR_TRY(const std::string one, alternative_name(name));
        if (!alternatives.empty()) alternatives += ',';
        alternatives += one;
    }
    KONTOR_TRY(const X509Pointer issuer, parse_one(authority.certificate_pem));
    KONTOR_TRY(const KeyPointer issuer_key, key_from_pem(authority.private_key_pem));
    const KeyPointer key(EVP_EC_gen("P-256"));
    const X509Pointer certificate(X509_new());
    if (!key || !certificate) return openssl_failed("no key");
    X509& x = *certificate;
    // A common name has at most 64 characters; clients look at the alternative names only.
    bool ok = X509_set_version(&x, X509_VERSION_3) == 1 && set_random_serial(x) &&
              set_validity(x, now_ms, kServerDays) && set_common_name(x, names.front().substr(0, 64)) &&
              X509_set_issuer_name(&x, X509_get_subject_name(issuer.get())) == 1 &&
              X509_set_pubkey(&x, key.get()) == 1;
    ok = ok && add_extension(x, *issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(x, *issuer, NID_key_usage, "critical,digitalSignature") &&
         add_extension(x, *issuer, NID_ext_key_usage, "serverAuth") &&
         add_extension(x, *issuer, NID_subject_key_identifier, "hash") &&
         add_extension(x, *issuer, NID_authority_key_identifier, "keyid") &&
         add_extension(x, *issuer, NID_subject_alt_name, alternatives);
    if (!ok || X509_sign(&x, issuer_key.get(), EVP_sha256()) == 0)
        return openssl_failed("could not issue a certificate");
    TlsIdentity out;
    KONTOR_TRY(out.certificate_chain_pem, certificate_to_pem(x));
    KONTOR_TRY(out.private_key_pem, key_to_pem(*key));
    return out;
}

Result<std::string> certificate_fingerprint(const std::string& certificate_pem) {
    KONTOR_TRY(const X509Pointer certificate, parse_one(certificate_pem));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(certificate.get(), EVP_sha256(), digest, &size) != 1) return openssl_failed("no digest");
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        if (i > 0) out += ':';
        out += kHex[digest[i] >> 4U];
        out += kHex[digest[i] & 15U];
    }
    return out;
}

Result<std::int64_t> certificate_not_after(const std::string& certificate_pem) {
    KONTOR_TRY(const X509Pointer certificate, parse_one(certificate_pem));
    std::tm utc{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &utc) != 1)
        return openssl_failed("unreadable date");
    return static_cast<std::int64_t>(timegm(&utc));
}

}  // namespace kontor::net

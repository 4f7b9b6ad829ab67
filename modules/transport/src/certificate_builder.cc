#include "kontor/transport/certificate_builder.h"

#include <openssl/rand.h>

#include <ctime>

namespace kontor::transport {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

}  // namespace

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

bool set_validity(X509& certificate, std::int64_t now_ms, std::int64_t backdate_seconds, std::int64_t days) {
    const std::int64_t now = now_ms / 1000;
    return ASN1_TIME_set(X509_getm_notBefore(&certificate),
                         static_cast<std::time_t>(now - backdate_seconds)) != nullptr &&
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

Result<X509Pointer> build_authority(EVP_PKEY& key, const std::string& common_name, std::int64_t now_ms,
                                    std::int64_t backdate_seconds, std::int64_t days) {
    X509Pointer certificate(X509_new());
    if (!certificate) return openssl_failed("no certificate");
    X509& x = *certificate;
    bool ok = X509_set_version(&x, X509_VERSION_3) == 1 && set_random_serial(x) &&
              set_validity(x, now_ms, backdate_seconds, days) && set_common_name(x, common_name) &&
              X509_set_issuer_name(&x, X509_get_subject_name(&x)) == 1 && X509_set_pubkey(&x, &key) == 1;
    ok = ok && add_extension(x, x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
         add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") &&
         add_extension(x, x, NID_subject_key_identifier, "hash");
    if (!ok || X509_sign(&x, &key, EVP_sha256()) == 0) return openssl_failed("could not make an authority");
    return certificate;
}

Result<X509Pointer> first_certificate(const std::string& pem) {
    KONTOR_TRY(auto chain, certificates_from_pem(pem));
    return std::move(chain.front());
}

Result<Validity> validity_of(const X509& certificate) {
    std::tm from{}, to{};
    if (ASN1_TIME_to_tm(X509_get0_notBefore(&certificate), &from) != 1 ||
        ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &to) != 1)
        return openssl_failed("unreadable date");
    return Validity{static_cast<std::int64_t>(timegm(&from)), static_cast<std::int64_t>(timegm(&to))};
}

Result<std::string> certificate_digest(const X509& certificate) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(&certificate, EVP_sha256(), digest, &size) != 1) return openssl_failed("no digest");
    return std::string(reinterpret_cast<const char*>(digest), size);
}

}  // namespace kontor::transport

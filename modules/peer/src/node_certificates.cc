#include "node_certificates.h"

#include <openssl/ec.h>
#include <openssl/err.h>

#include <charconv>

#include "kontor/base/bytes.h"
#include "kontor/transport/certificate_builder.h"

namespace kontor::peer {
namespace {

constexpr std::string_view kScheme = "kontor://";
constexpr std::string_view kNodePath = "/node/";
constexpr std::int64_t kMaxDays = kClusterAuthorityDays;

struct FreeRequest {
    void operator()(X509_REQ* p) const { X509_REQ_free(p); }
    void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
};
using RequestPointer = std::unique_ptr<X509_REQ, FreeRequest>;
using NamesPointer = std::unique_ptr<GENERAL_NAMES, FreeRequest>;

Result<std::string> request_to_pem(X509_REQ& request) {
    const transport::BioPointer bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_X509_REQ(bio.get(), &request) != 1)
        return transport::openssl_failed("could not write a request");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

Result<RequestPointer> request_from_pem(const std::string& pem) {
    const transport::BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    RequestPointer request(bio ? PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr) : nullptr);
    EVP_PKEY* const key = request ? X509_REQ_get0_pubkey(request.get()) : nullptr;
    const bool proved = key != nullptr && X509_REQ_verify(request.get(), key) == 1;
    char group[32] = {};
    std::size_t size = 0;
    const bool p256 =
        proved && EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
        (std::string_view(group, size) == "prime256v1" || std::string_view(group, size) == "P-256");
    ERR_clear_error();
    if (!request) return fail(ErrorCode::invalid_argument, "not a PEM certificate request");
    if (!proved) return fail(ErrorCode::invalid_argument, "the certificate request is not signed by its key");
    if (!p256) return fail(ErrorCode::invalid_argument, "the certificate request's key is not ECDSA P-256");
    return request;
}

Result<void> check_identity(const PeerIdentity& identity) {
    if (identity.cluster.size() != kClusterIdBytes)
        return fail(ErrorCode::invalid_argument, "a cluster id has 16 bytes");
    if (identity.node_id == 0) return fail(ErrorCode::invalid_argument, "node id 0 is nobody's");
    return {};
}

}  // namespace

std::string identity_uri(const PeerIdentity& identity) {
    return std::string(kScheme) + to_hex(identity.cluster) + std::string(kNodePath) +
           std::to_string(identity.node_id);
}

Result<PeerIdentity> parse_identity_uri(std::string_view uri) {
    constexpr std::size_t kHex = 2 * kClusterIdBytes;
    const auto wrong = [] { return fail(ErrorCode::invalid_argument, "not the certificate of a node"); };
    if (uri.substr(0, kScheme.size()) != kScheme) return wrong();
    uri.remove_prefix(kScheme.size());
    if (uri.size() <= kHex || uri.substr(kHex, kNodePath.size()) != kNodePath) return wrong();
    auto cluster = from_hex(uri.substr(0, kHex));
    const std::string_view digits = uri.substr(kHex + kNodePath.size());
    PeerIdentity out;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.node_id);
    if (!cluster || error != std::errc() || end != digits.data() + digits.size() || out.node_id == 0)
        return wrong();
    out.cluster = *std::move(cluster);
    // One identity has one spelling.
    if (std::to_string(out.node_id) != digits || to_hex(out.cluster) != uri.substr(0, kHex)) return wrong();
    return out;
}

Result<PeerIdentity> identity_of(const X509& certificate) {
    const NamesPointer names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    std::string uri;
    int uris = 0;
    for (int i = 0; i < count; ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type != GEN_URI) continue;
        ++uris;
        const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
        uri.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                   static_cast<std::size_t>(ASN1_STRING_length(text)));
    }
    if (uris != 1) return fail(ErrorCode::invalid_argument, "not the certificate of a node");
    KONTOR_TRY(PeerIdentity out, parse_identity_uri(uri));
    KONTOR_TRY(const std::string digest, transport::certificate_digest(certificate));
    out.certificate_sha256 = to_hex(digest);
    return out;
}

Result<std::string> normal_sha256(std::string_view text) {
    std::string digits(text);
    std::erase(digits, ':');
    const auto bytes = from_hex(digits);
    if (!bytes || bytes->size() != 32)
        return fail(ErrorCode::invalid_argument, "not a SHA-256 fingerprint of 64 hex digits");
    return to_hex(*bytes);
}

Result<transport::CertificateAuthority> make_cluster_authority(const std::string& cluster,
                                                               std::int64_t now_ms) {
    if (cluster.size() != kClusterIdBytes)
        return fail(ErrorCode::invalid_argument, "a cluster id has 16 bytes");
    const transport::KeyPointer key(EVP_EC_gen("P-256"));
    if (!key) return transport::openssl_failed("no key");
    KONTOR_TRY(const transport::X509Pointer certificate,
               transport::build_authority(*key, "Kontor cluster " + to_hex(cluster), now_ms,
                                          kNodeBackdateMs / 1000, kClusterAuthorityDays));
    transport::CertificateAuthority out;
    KONTOR_TRY(out.certificate_pem, transport::certificate_to_pem(*certificate));
    KONTOR_TRY(out.private_key_pem, transport::key_to_pem(*key));
    return out;
}

Result<KeyAndRequest> make_private_key_and_request() {
    const transport::KeyPointer key(EVP_EC_gen("P-256"));
    const RequestPointer request(X509_REQ_new());
    const bool ok = key && request && X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                    X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
                    X509_REQ_sign(request.get(), key.get(), EVP_sha256()) != 0;
    if (!ok) return transport::openssl_failed("could not make a certificate request");
    KeyAndRequest out;
    KONTOR_TRY(out.private_key_pem, transport::key_to_pem(*key));
    KONTOR_TRY(out.request_pem, request_to_pem(*request));
    return out;
}

Result<std::string> issue_node_certificate(const transport::CertificateAuthority& authority,
                                           const std::string& request_pem, const PeerIdentity& identity,
                                           std::int64_t days, std::int64_t now_ms) {
    KONTOR_CHECK(check_identity(identity));
    if (days < 1 || days > kMaxDays)
        return fail(ErrorCode::invalid_argument, "a certificate lives 1 to 3653 days");
    KONTOR_TRY(const RequestPointer request, request_from_pem(request_pem));
    KONTOR_TRY(const transport::X509Pointer issuer, transport::first_certificate(authority.certificate_pem));
    KONTOR_TRY(const transport::KeyPointer issuer_key, transport::key_from_pem(authority.private_key_pem));
    const transport::X509Pointer certificate(X509_new());
    if (!certificate) return transport::openssl_failed("no certificate");
    X509& x = *certificate;
    bool ok = X509_set_version(&x, X509_VERSION_3) == 1 && transport::set_random_serial(x) &&
              transport::set_validity(x, now_ms, kNodeBackdateMs / 1000, days) &&
              transport::set_common_name(x, "Kontor node " + std::to_string(identity.node_id)) &&
              X509_set_issuer_name(&x, X509_get_subject_name(issuer.get())) == 1 &&
              X509_set_pubkey(&x, X509_REQ_get0_pubkey(request.get())) == 1;
    ok = ok && transport::add_extension(x, *issuer, NID_basic_constraints, "critical,CA:FALSE") &&
         transport::add_extension(x, *issuer, NID_key_usage, "critical,digitalSignature") &&
         transport::add_extension(x, *issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
         transport::add_extension(x, *issuer, NID_subject_key_identifier, "hash") &&
         transport::add_extension(x, *issuer, NID_authority_key_identifier, "keyid:always") &&
         transport::add_extension(x, *issuer, NID_subject_alt_name, "URI:" + identity_uri(identity));
    if (!ok || X509_sign(&x, issuer_key.get(), EVP_sha256()) == 0)
        return transport::openssl_failed("could not issue a certificate");
    return transport::certificate_to_pem(x);
}

Result<PeerIdentity> read_identity(const std::string& certificate_pem) {
    KONTOR_TRY(const transport::X509Pointer certificate, transport::first_certificate(certificate_pem));
    return identity_of(*certificate);
}

Result<std::string> ca_fingerprint(const std::string& ca_pem) {
    KONTOR_TRY(const transport::X509Pointer certificate, transport::first_certificate(ca_pem));
    KONTOR_TRY(const std::string digest, transport::certificate_digest(*certificate));
    return to_hex(digest);
}

}  // namespace kontor::peer

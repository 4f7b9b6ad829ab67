// What an operator's certificate and key are looked at for before a server uses them.

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>

#include <algorithm>
#include <ctime>

#include "kontor/transport/certificate_builder.h"
#include "kontor/transport/certificates.h"
#include "kontor/transport/tls_context.h"

namespace kontor::transport {
namespace {

constexpr int kMaxHandshakeSteps = 20;                              // a whole one takes three or four
constexpr std::size_t kMostChainBytes = SSL_MAX_CERT_LIST_DEFAULT;  // of OpenSSL's clients
constexpr std::string_view kAllThatIsWanted =
    ": the server's own and each one's signer are all that is wanted";
constexpr std::string_view kKeyEnd = "PRIVATE KEY-----";

std::string day_of(std::int64_t unix_seconds) {
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm utc{};
    char text[64] = {};
    gmtime_r(&seconds, &utc);
    return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &utc));
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// What it is, when it is no PEM.
enum class Der : std::uint8_t { none, certificate, key, pkcs12, pkcs7 };

Der der_in(const std::string& bytes) {
    if (bytes.empty() || bytes.front() != 0x30 || has(bytes, "-----BEGIN")) return Der::none;
    const auto is = [&bytes](auto parse, auto release) {
        const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
        auto* const found = parse(&at, static_cast<long>(bytes.size()));
        if (found != nullptr) release(found);
        return found != nullptr;
    };
    const auto with = [](auto parse) {
        return [parse](const unsigned char** at, long size) { return parse(nullptr, at, size); };
    };
    if (is(with(d2i_X509), X509_free)) return Der::certificate;
    if (is(with(d2i_AutoPrivateKey), EVP_PKEY_free)) return Der::key;
    if (is(with(d2i_PKCS12), PKCS12_free)) return Der::pkcs12;
    return is(with(d2i_PKCS7), PKCS7_free) ? Der::pkcs7 : Der::none;
}

bool holds_only_certificates(const std::string& pem) {
    return has(pem, "BEGIN CERTIFICATE") && !has(pem, kKeyEnd);
}

bool holds_only_a_key(const std::string& pem) {
    return has(pem, kKeyEnd) && !has(pem, "BEGIN CERTIFICATE");
}

std::string why_no_key(const std::string& pem) {
    if (pem.empty()) return "is empty";
    if (has(pem, "ENCRYPTED"))
        return "is encrypted, and nobody is there to type the pass phrase: decrypt it with 'openssl pkey'";
    if (holds_only_certificates(pem))
        return "holds a certificate and no private key: are the two files mixed up?";
    switch (der_in(pem)) {
        case Der::key:
            return "is not PEM but DER: convert it with 'openssl pkey -inform der'";
        case Der::pkcs12:
            return "is not PEM but PKCS#12 (.p12, .pfx): take the key out of it with 'openssl pkcs12 "
                   "-nocerts "
                   "-noenc'";
        case Der::certificate:
        case Der::pkcs7:
            return "holds certificates in DER and no private key";
        case Der::none:
            break;
    }
    return "holds no private key in PEM";
}

std::string why_no_certificate(const std::string& pem) {
    if (pem.empty()) return "is empty";
    if (holds_only_a_key(pem)) return "holds a private key and no certificate: are the two files mixed up?";
    if (has(pem, "BEGIN CERTIFICATE REQUEST") || has(pem, "BEGIN NEW CERTIFICATE REQUEST"))
        return "holds a request for a certificate: what the authority made of it is wanted here";
    if (has(pem, "BEGIN PKCS7"))
        return "is PKCS#7 (.p7b): take the certificates out of it with 'openssl pkcs7 -print_certs'";
    switch (der_in(pem)) {
        case Der::certificate:
            return "is not PEM but DER: convert it with 'openssl x509 -inform der'";
        case Der::pkcs12:
            return "is not PEM but PKCS#12 (.p12, .pfx): take the certificates out of it with 'openssl "
                   "pkcs12 "
                   "-nokeys'";
        case Der::pkcs7:
            return "is not PEM but PKCS#7 (.p7b): take the certificates out of it with 'openssl pkcs7 "
                   "-inform "
                   "der -print_certs'";
        case Der::key:
            return "holds a private key in DER and no certificate";
        case Der::none:
            break;
    }
    return "holds no certificate in PEM, or one that is damaged";
}

bool is_valid_for(X509& certificate, const std::string& name) {
    unsigned char bytes[16];
    if (inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1)
        return X509_check_ip_asc(&certificate, name.c_str(), 0) == 1;
    // A pattern stands there as it is; "a" instead of "*" finds it.
    const std::string host = name.starts_with("*.") ? "a" + name.substr(1) : name;
    return X509_check_host(&certificate, host.data(), host.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           nullptr) == 1;
}

// Either extension may forbid it.
std::string why_not_for_servers(X509& certificate) {
    const std::uint32_t there = X509_get_extension_flags(&certificate);
    if ((there & EXFLAG_XKUSAGE) != 0 &&
        (X509_get_extended_key_usage(&certificate) & (XKU_SSL_SERVER | XKU_SGC | XKU_ANYEKU)) == 0)
        return "extended key usage without serverAuth";
    if ((there & EXFLAG_KUSAGE) != 0) return "key usage without digitalSignature";
    return "by its extensions";
}

// As the message that carries it in a handshake: a length for each and extensions of none.
std::size_t bytes_of(const std::vector<X509Pointer>& chain) {
    constexpr std::size_t kAroundAll = 4, kAroundEach = 5;
    std::size_t bytes = kAroundAll;
    for (const X509Pointer& one : chain)
        bytes += kAroundEach + static_cast<std::size_t>(std::max(0, i2d_X509(one.get(), nullptr)));
    return bytes;
}

bool has_names(const X509& certificate) {
    return X509_get_ext_by_NID(&certificate, NID_subject_alt_name, -1) >= 0;
}

std::string why_no_handshake(SSL_CTX& server, SSL_CTX& client, int version) {
    const SslPointer ours(SSL_new(&server)), theirs(SSL_new(&client));
    BIO *near = nullptr, *far = nullptr;
    if (!ours || !theirs || SSL_set_min_proto_version(theirs.get(), version) != 1 ||
        SSL_set_max_proto_version(theirs.get(), version) != 1 || BIO_new_bio_pair(&near, 0, &far, 0) != 1)
        return "no memory";
    SSL_set_bio(ours.get(), near, near);
    SSL_set_bio(theirs.get(), far, far);
    SSL_set_accept_state(ours.get());
    SSL_set_connect_state(theirs.get());
    for (int i = 0; i < kMaxHandshakeSteps; ++i) {
        ERR_clear_error();
        const int there = SSL_do_handshake(theirs.get());
        const int there_error = SSL_get_error(theirs.get(), there);
        const int here = SSL_do_handshake(ours.get());
        const int here_error = SSL_get_error(ours.get(), here);
        if (here == 1 && there == 1) return {};
        const auto is_going_on = [](int result, int error) {
            return result == 1 || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
        };
        if (is_going_on(there, there_error) && is_going_on(here, here_error)) continue;
        const char* const reason = ERR_reason_error_string(ERR_peek_error());
        return reason != nullptr ? reason : "it was broken off";
    }
    return "it has no end";
}

// As one that offers what Kontor itself does; whom it trusts does not matter. "" when one version works.
std::string why_no_client_comes_in(SSL_CTX& server) {
    const auto client = make_base_context(TLS_client_method());
    if (!client) return client.error().message;
    SSL_CTX_set_verify(client->get(), SSL_VERIFY_NONE, nullptr);
    const std::string why = why_no_handshake(server, **client, TLS1_3_VERSION);
    return why.empty() || why_no_handshake(server, **client, TLS1_2_VERSION).empty() ? "" : why;
}

class Look {
 public:
    Look(const TlsIdentity& identity, std::int64_t now_ms) : identity_(identity), now_s_(now_ms / 1000) {}

    std::vector<IdentityProblem> run(const std::vector<std::string>& names) {
        auto key = key_from_pem(identity_.private_key_pem);
        if (!key) problem(true, why_no_key(identity_.private_key_pem));
        auto chain = certificates_from_pem(identity_.certificate_chain_pem);
        if (!chain && chain.error().code == ErrorCode::too_large)
            problem(false, "holds " + chain.error().message + std::string(kAllThatIsWanted));
        else if (!chain)
            problem(false, why_no_certificate(identity_.certificate_chain_pem));
        if (chain) {
            look_at_dates(*chain);
            look_at_order(*chain);
            look_at_size(*chain);
            look_at_use(*chain->front(), names);
        }
        if (key && chain) look_at_pair(**key, *chain);
        // Whatever else OpenSSL does not take, such as keys that are too short.
        if (problems_.empty()) {
            const auto context = make_server_context(identity_);
            if (!context)
                problem(false, context.error().message);
            else if (const std::string why = why_no_client_comes_in(**context); !why.empty())
                problem(false, "cannot be used by any client: a handshake with it fails (" + why +
                                   "). Kontor speaks TLS 1.2 and 1.3 with X25519, P-256 and P-384: take a "
                                   "P-256 or an RSA key");
        }
        ERR_clear_error();
        return std::move(problems_);
    }

 private:
    void problem(bool is_of_key, std::string what) { problems_.push_back({is_of_key, std::move(what)}); }

    void look_at_dates(const std::vector<X509Pointer>& chain) {
        for (std::size_t i = 0; i < chain.size(); ++i) {
            // Clients know authorities by their keys, and never look at the dates of one that is sent.
            const bool is_root = i > 0 && X509_check_issued(chain[i].get(), chain[i].get()) == X509_V_OK;
            const auto validity = validity_of(*chain[i]);
            if (!validity || is_root) continue;
            const std::string which = i == 0 ? "" : "certificate " + std::to_string(i + 1) + " of the chain ";
            if (validity->not_after_s < now_s_)
                problem(false, which + "expired on " + day_of(validity->not_after_s));
            if (validity->not_before_s > now_s_)
                problem(false, which + "is valid from " + day_of(validity->not_before_s) +
                                   " on only; or is this machine's clock wrong?");
        }
    }

    void look_at_order(const std::vector<X509Pointer>& chain) {
        for (std::size_t i = 1; i < chain.size(); ++i) {
            if (X509_check_issued(chain[i].get(), chain[i - 1].get()) == X509_V_OK) continue;
            return problem(false, "certificate " + std::to_string(i + 1) +
                                      " did not sign the one before it: "
                                      "the server's own comes first, then each one's signer");
        }
    }

    void look_at_size(const std::vector<X509Pointer>& chain) {
        const std::size_t bytes = bytes_of(chain);
        if (bytes <= kMostChainBytes) return;
        problem(false, "has " + std::to_string(chain.size()) + " certificates of " + std::to_string(bytes) +
                           " bytes, and clients take at most " + std::to_string(kMostChainBytes) +
                           std::string(kAllThatIsWanted));
    }

    void look_at_use(X509& own, const std::vector<std::string>& names) {
        if (X509_check_purpose(&own, X509_PURPOSE_SSL_SERVER, 0) != 1)
            problem(false, "is not for servers (" + why_not_for_servers(own) + ")");
        if (!has_names(own))
            return problem(false, "has no subject alternative names, so no client accepts it");
        std::string missing;
        for (const std::string& name : names)
            if (!is_valid_for(own, name)) missing += (missing.empty() ? "" : ", ") + name;
        if (!missing.empty()) problem(false, "is not valid for " + missing);
    }

    void look_at_pair(EVP_PKEY& key, const std::vector<X509Pointer>& chain) {
        const auto fits = [&key](const X509Pointer& one) {
            return EVP_PKEY_eq(X509_get0_pubkey(one.get()), &key) == 1;
        };
        if (fits(chain.front())) return;
        const bool is_later = std::any_of(chain.begin(), chain.end(), fits);
        problem(true, is_later ? "belongs to a later certificate of the chain: the server's own comes first"
                               : "belongs to another certificate");
    }

    const TlsIdentity& identity_;
    std::int64_t now_s_;
    std::vector<IdentityProblem> problems_;
};

}  // namespace

bool are_a_pair(const std::string& certificate_pem, const std::string& private_key_pem) {
    const auto certificate = first_certificate(certificate_pem);
    const auto key = key_from_pem(private_key_pem);
    const bool are = certificate && key && EVP_PKEY_eq(X509_get0_pubkey(certificate->get()), key->get()) == 1;
    ERR_clear_error();
    return are;
}

bool holds_private_key(const std::string& pem) {
    return has(pem, kKeyEnd);
}

bool are_swapped(const TlsIdentity& identity) {
    return holds_only_a_key(identity.certificate_chain_pem) &&
           holds_only_certificates(identity.private_key_pem);
}

std::vector<IdentityProblem> check_server_identity(const TlsIdentity& identity,
                                                   const std::vector<std::string>& names,
                                                   std::int64_t now_ms) {
    return Look(identity, now_ms).run(names);
}

}  // namespace kontor::transport

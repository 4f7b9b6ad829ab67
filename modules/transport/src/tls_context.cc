#include "kontor/transport/tls_context.h"

#include <openssl/err.h>

#include <cstring>

#include "kontor/transport/pem.h"

namespace kontor::transport {
namespace {

// TLS 1.2: forward secrecy and AEAD only. TLS 1.3's own defaults are of that kind.
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Key exchange by elliptic curves only. OpenSSL's own list has finite field groups too, of which the largest
// costs a server 123 ms of processor for a greeting that costs its sender nothing.
constexpr const char* kGroups = "X25519:P-256:P-384";

constexpr long kTicketLifetimeS = 2L * 3600;  // a session is resumed for so long, then the key is shown again

int select_http11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                  unsigned in_size, void*) {
    static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof(kHttp11), in, in_size);
    if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;  // the client may still speak HTTP/1.1
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<SslContext> make_base_context(const SSL_METHOD* method) {
    SslContext context(SSL_CTX_new(method));
    if (!context) return fail(ErrorCode::internal, "OpenSSL could not make a TLS context");
    SSL_CTX* const raw = context.get();
    const bool ok = SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_set_cipher_list(raw, kTls12Ciphers) == 1 &&
                    SSL_CTX_set1_groups_list(raw, kGroups) == 1;
    if (!ok) return fail(ErrorCode::internal, "OpenSSL refused Kontor's TLS versions, ciphers or groups");
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Partial and moving writes suit a non-blocking caller; released buffers save 34 KiB per idle connection.
    SSL_CTX_set_mode(
        raw, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    // One recv(2) a record instead of two (header, then body).
    SSL_CTX_set_read_ahead(raw, 1);
    return context;
}

Result<void> use_identity(SSL_CTX& context, const TlsIdentity& identity) {
    SSL_CTX* const raw = &context;
    KONTOR_TRY(auto chain, certificates_from_pem(identity.certificate_chain_pem));
    KONTOR_TRY(const KeyPointer key, key_from_pem(identity.private_key_pem));
    bool ok = SSL_CTX_use_certificate(raw, chain.front().get()) == 1;
    for (std::size_t i = 1; ok && i < chain.size(); ++i)
        ok = SSL_CTX_add1_chain_cert(raw, chain[i].get()) == 1;
    ok = ok && SSL_CTX_use_PrivateKey(raw, key.get()) == 1 && SSL_CTX_check_private_key(raw) == 1;
    const char* const reason = ok ? nullptr : ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    if (!ok)
        return fail(ErrorCode::invalid_argument,
                    "TLS certificate and private key cannot be used together" +
                        (reason != nullptr ? " (" + std::string(reason) + ")" : std::string()));
    return {};
}

Result<void> trust(X509_STORE& store, const std::string& ca_pem) {
    KONTOR_TRY(const auto trusted, certificates_from_pem(ca_pem));
    for (const X509Pointer& one : trusted)
        if (X509_STORE_add_cert(&store, one.get()) != 1)
            return fail(ErrorCode::internal, "OpenSSL could not add a trusted certificate");
    return {};
}

SslContext shared_context(SSL_CTX* context) {
    SSL_CTX_up_ref(context);
    return SslContext(context);
}

Result<SslContext> make_server_context(const TlsIdentity& identity) {
    KONTOR_TRY(SslContext context, make_base_context(TLS_server_method()));
    SSL_CTX* const raw = context.get();
    KONTOR_CHECK(use_identity(*raw, identity));
    // Resumption by stateless tickets: nothing to store, and all threads share the context and so the ticket
    // key.
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(raw, kTicketLifetimeS);
    SSL_CTX_set_num_tickets(raw, 1);
    SSL_CTX_set_alpn_select_cb(raw, select_http11, nullptr);
    return context;
}

Result<SslContext> make_client_context(const std::string& ca_pem) {
    KONTOR_TRY(SslContext context, make_base_context(TLS_client_method()));
    SSL_CTX* const raw = context.get();
    // A machine without a system store is fine as long as `ca_pem` is enough: verification itself decides.
    (void)SSL_CTX_set_default_verify_paths(raw);
    ERR_clear_error();
    if (!ca_pem.empty()) KONTOR_CHECK(trust(*SSL_CTX_get_cert_store(raw), ca_pem));
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    (void)SSL_CTX_set_alpn_protos(raw, kHttp11, sizeof(kHttp11));
    return context;
}

}  // namespace kontor::transport

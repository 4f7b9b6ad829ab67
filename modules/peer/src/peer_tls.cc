#include "peer_tls.h"

#include <openssl/err.h>

#include <ctime>

#include "kontor/base/bytes.h"
#include "kontor/transport/certificate_builder.h"
#include "kontor/transport/tls_context.h"
#include "node_certificates.h"

namespace kontor::peer {
namespace {

// Node certificates are ECDSA over P-256 (certificates.h): a stranger's of another kind is not even checked.
constexpr const char* kSignatures = "ECDSA+SHA256:ECDSA+SHA384";
// What a stranger shows is read into memory before anybody judges it.
constexpr long kMaxCertificateListBytes = 16L << 10;
constexpr int kMaxChainDepth = 4;

constexpr unsigned char kAlpn[] = {13, 'k', 'o', 'n', 't', 'o', 'r', '-', 'p', 'e', 'e', 'r', '/', '1'};

struct FreeStore {
    void operator()(X509_STORE* p) const { X509_STORE_free(p); }
    void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
};
using StorePointer = std::unique_ptr<X509_STORE, FreeStore>;
using StoreContextPointer = std::unique_ptr<X509_STORE_CTX, FreeStore>;

int select_peer_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned in_size, void*) {
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof(kAlpn), in, in_size);
    if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

HandshakeCheck* check_of(X509_STORE_CTX* store) {
    auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    return ssl == nullptr ? nullptr : static_cast<HandshakeCheck*>(SSL_get_app_data(ssl));
}

std::string text_of(const ASN1_TIME* time) {
    struct tm parts {};
    char text[40] = "?";
    if (time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1)
        (void)std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &parts);
    return text;
}

// What is wrong with a certificate, and if it is the time, since when and what to do.
std::string problem_of(X509_STORE_CTX& store) {
    const int error = X509_STORE_CTX_get_error(&store);
    std::string text = X509_verify_cert_error_string(error);
    const X509* const certificate = X509_STORE_CTX_get_current_cert(&store);
    if (certificate == nullptr) return text;
    if (error == X509_V_ERR_CERT_HAS_EXPIRED)
        text +=
            " on " + text_of(X509_get0_notAfter(certificate)) +
            "; either our clock is wrong, or that node was away for long: start it, it makes itself a new "
            "one. If it was refused for an hour, let it join again as a new node";
    return text;
}

// A certificate of the cluster's authority is good from the moment on at which it is there: its first day
// only says what the clock of its maker showed, and a node whose clock is behind must not lose its peers by
// that. Its last day counts: it is what ends a key that was stolen.
int accept_early(int ok, X509_STORE_CTX* store) {
    if (ok == 1 || X509_STORE_CTX_get_error(store) != X509_V_ERR_CERT_NOT_YET_VALID) return ok;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

// Both instead of OpenSSL's own verification: a callback that only overrides its errors loses the first one.
int verify_and_note(X509_STORE_CTX* store, void*) {
    HandshakeCheck* const check = check_of(store);
    if (check == nullptr) return 0;
    if (X509_verify_cert(store) != 1) {
        check->problem = problem_of(*store);
        // identify() refuses it; until then nothing of it is used.
    }
    ERR_clear_error();
    return 1;
}

int verify_pinned(X509_STORE_CTX* store, void* pinned) {
    const auto& wanted = *static_cast<const std::string*>(pinned);
    const auto refuse = [store] {
        X509_STORE_CTX_set_error(store, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
        return 0;
    };
    STACK_OF(X509)* const sent = X509_STORE_CTX_get0_untrusted(store);
    for (int i = 0; i < sk_X509_num(sent); ++i) {
        X509* const candidate = sk_X509_value(sent, i);
        const auto digest = transport::certificate_digest(*candidate);
        if (!digest || to_hex(*digest) != wanted) continue;
        const StorePointer trusted(X509_STORE_new());
        const StoreContextPointer context(X509_STORE_CTX_new());
        const bool ok =
            trusted && context && X509_STORE_add_cert(trusted.get(), candidate) == 1 &&
            X509_STORE_CTX_init(context.get(), trusted.get(), X509_STORE_CTX_get0_cert(store), sent) == 1 &&
            X509_STORE_CTX_set_default(context.get(), "ssl_server") == 1;
        if (!ok) return refuse();
        X509_STORE_CTX_set_verify_cb(context.get(), accept_early);
        const int verified = X509_verify_cert(context.get());
        X509_STORE_CTX_set_error(store, X509_STORE_CTX_get_error(context.get()));
        return verified == 1 ? 1 : 0;
    }
    return refuse();
}

Result<transport::SslContext> peer_context(const SSL_METHOD* method) {
    KONTOR_TRY(transport::SslContext context, transport::make_base_context(method));
    SSL_CTX* const raw = context.get();
    if (SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set1_sigalgs_list(raw, kSignatures) != 1)
        return fail(ErrorCode::internal, "OpenSSL refuses TLS 1.3 or ECDSA");
    SSL_CTX_set_max_cert_list(raw, kMaxCertificateListBytes);
    SSL_CTX_set_verify_depth(raw, kMaxChainDepth);
    // Few connections that are always busy: their buffers stay.
    SSL_CTX_clear_mode(raw, SSL_MODE_RELEASE_BUFFERS);
    // No resumption: each connection shows its certificate again.
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(raw, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(raw, 0);
    (void)SSL_CTX_set_alpn_protos(raw, kAlpn, sizeof(kAlpn));
    SSL_CTX_set_alpn_select_cb(raw, select_peer_protocol, nullptr);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
    return context;
}

// The authority that issued our certificate, validity aside: a node whose certificate ran out must start, so
// that somebody can renew it.
Result<X509*> issuer_of(X509& certificate, X509_STORE& store,
                        const std::vector<transport::X509Pointer>& authorities) {
    const StoreContextPointer context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), &store, &certificate, nullptr) != 1)
        return transport::openssl_failed("no verification");
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME);
    const bool ok = X509_verify_cert(context.get()) == 1;
    const int error = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    if (!ok) {
        return fail(ErrorCode::invalid_argument,
                    std::string("this node's certificate is not of the cluster's authority: ") +
                        X509_verify_cert_error_string(error));
    }
    STACK_OF(X509)* const chain = X509_STORE_CTX_get0_chain(context.get());
    X509* const last = sk_X509_value(chain, sk_X509_num(chain) - 1);
    for (const transport::X509Pointer& one : authorities)
        if (X509_cmp(one.get(), last) == 0) return one.get();
    return fail(ErrorCode::invalid_argument, "this node's certificate is not of the cluster's authority");
}

Result<transport::SslContext> with_credentials(const SSL_METHOD* method, const PeerCredentials& credentials) {
    KONTOR_TRY(transport::SslContext context, peer_context(method));
    KONTOR_CHECK(
        transport::use_identity(*context, {credentials.certificate_pem, credentials.private_key_pem}));
    X509_STORE* const store = SSL_CTX_get_cert_store(context.get());
    X509_STORE_set_verify_cb(store, accept_early);
    KONTOR_CHECK(transport::trust(*store, credentials.ca_pem));
    return context;
}

}  // namespace

void attach(SSL& ssl, HandshakeCheck* check) {
    SSL_set_app_data(&ssl, check);
}

Result<std::shared_ptr<const PeerTls>> make_peer_tls(const PeerCredentials& credentials,
                                                     const PeerIdentity& self) {
    KONTOR_TRY(const PeerIdentity own, read_identity(credentials.certificate_pem));
    if (own.cluster != self.cluster || own.node_id != self.node_id) {
        return fail(ErrorCode::invalid_argument,
                    "the certificate is for " + identity_uri(own) + ", this is " + identity_uri(self));
    }
    auto tls = std::make_shared<PeerTls>();
    KONTOR_TRY(tls->server, with_credentials(TLS_server_method(), credentials));
    KONTOR_TRY(tls->client, with_credentials(TLS_client_method(), credentials));
    SSL_CTX_set_cert_verify_callback(tls->server.get(), verify_and_note, nullptr);
    // Joiners know the authority by its fingerprint only, so the server shows it.
    KONTOR_TRY(const auto authorities, transport::certificates_from_pem(credentials.ca_pem));
    KONTOR_TRY(const transport::X509Pointer certificate,
               transport::first_certificate(credentials.certificate_pem));
    KONTOR_TRY(X509* const issuer,
               issuer_of(*certificate, *SSL_CTX_get_cert_store(tls->server.get()), authorities));
    if (SSL_CTX_add1_chain_cert(tls->server.get(), issuer) != 1) return transport::openssl_failed("no chain");
    return std::shared_ptr<const PeerTls>(std::move(tls));
}

Result<transport::SslContext> make_pinned_context(const std::string& ca_sha256) {
    KONTOR_TRY(transport::SslContext context, peer_context(TLS_client_method()));
    SSL_CTX_set_cert_verify_callback(context.get(), verify_pinned, const_cast<std::string*>(&ca_sha256));
    return context;
}

Result<PeerIdentity> identify(SSL& ssl, const HandshakeCheck& check, const PeerIdentity& self,
                              std::uint64_t expected) {
    const auto refuse = [](std::string why) { return fail(ErrorCode::permission_denied, std::move(why)); };
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(&ssl, &protocol, &size);
    if (size != kAlpn[0]) return refuse("not a connection for the peer port");
    const X509* certificate = SSL_get0_peer_certificate(&ssl);
    if (certificate == nullptr) return PeerIdentity{};
    auto who = identity_of(*certificate);
    if (!check.problem.empty()) {
        const std::string whose =
            who ? "the certificate of node " + std::to_string(who->node_id) : "the certificate";
        return refuse(whose + " is not trusted: " + check.problem);
    }
    if (!who) return refuse("the certificate is not one of a node");
    const std::string name = "node " + std::to_string(who->node_id);
    if (who->cluster != self.cluster)
        return refuse("the certificate is for " + name + " of another cluster, " + to_hex(who->cluster));
    if (expected != 0 && who->node_id != expected)
        return refuse("node " + std::to_string(expected) + " was dialled and " + name + " answered");
    if (who->node_id == self.node_id)
        return refuse("the certificate is for " + name + ", as mine is: two nodes have the same id");
    return who;
}

}  // namespace kontor::peer

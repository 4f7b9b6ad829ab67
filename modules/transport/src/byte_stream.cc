#include "kontor/transport/byte_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

#include "kontor/base/assert.h"
#include "second_greeting.h"

namespace kontor::transport {
namespace {

// OpenSSL's own socket BIO uses write(2), which raises SIGPIPE when the peer is gone. A library must not
// depend on the process's signal settings, so this one sends with MSG_NOSIGNAL.
struct SocketBio {
    int fd = -1;
    bool is_server = false;
    SecondGreeting second;
};

SocketBio& socket_of(BIO* bio) {
    return *static_cast<SocketBio*>(BIO_get_data(bio));
}

int bio_read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    ssize_t n = 0;
    SocketBio& socket = socket_of(bio);
    do n = ::recv(socket.fd, into, static_cast<std::size_t>(size), 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
    if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (n > 0 && socket.is_server && !socket.second.allows({into, static_cast<std::size_t>(n)})) {
        errno = EMSGSIZE;
        return -1;
    }
    return static_cast<int>(n);
}

int bio_write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    ssize_t n = 0;
    SocketBio& socket = socket_of(bio);
    if (socket.is_server) socket.second.sent({from, static_cast<std::size_t>(size)});
    do n = ::send(socket.fd, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
    return static_cast<int>(n);
}

long bio_ctrl(BIO* bio, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        default:
            return 0;
    }
}

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

int bio_destroy(BIO* bio) {
    delete static_cast<SocketBio*>(BIO_get_data(bio));
    BIO_set_data(bio, nullptr);
    return 1;
}

BIO_METHOD* socket_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "kontor socket");
        KONTOR_ASSERT(made != nullptr, "no memory for a BIO method");
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, bio_ctrl);
        BIO_meth_set_create(made, bio_create);
        BIO_meth_set_destroy(made, bio_destroy);
        return made;
    }();
    return method;
}

Result<SslPointer> make_ssl(SSL_CTX& context, int fd, bool is_server) {
    SslPointer ssl(SSL_new(&context));
    BIO* bio = ssl ? BIO_new(socket_method()) : nullptr;
    if (bio == nullptr) return fail(ErrorCode::overloaded, "OpenSSL has no memory for a connection");
    BIO_set_data(bio, new SocketBio{fd, is_server, {}});
    SSL_set_bio(ssl.get(), bio, bio);
    return ssl;
}

IoOutcome plain_outcome(ssize_t n, bool reading) {
    if (n > 0) return {IoStatus::done, static_cast<std::size_t>(n)};
    if (n == 0) return {reading ? IoStatus::closed : IoStatus::done, 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return {reading ? IoStatus::want_read : IoStatus::want_write, 0};
    return {IoStatus::failed, 0};
}

}  // namespace

ByteStream ByteStream::plain(int fd) {
    ByteStream transport;
    transport.fd_ = fd;
    return transport;
}

Result<ByteStream> ByteStream::tls_server(SSL_CTX& context, int fd) {
    ByteStream transport = plain(fd);
    KONTOR_TRY(transport.ssl_, make_ssl(context, fd, true));
    SSL_set_accept_state(transport.ssl_.get());
    SSL_set_read_ahead(transport.ssl_.get(), 0);  // record by record, so that SecondGreeting can look first
    return transport;
}

Result<ByteStream> ByteStream::tls_client(SSL_CTX& context, int fd) {
    ByteStream transport = plain(fd);
    KONTOR_TRY(transport.ssl_, make_ssl(context, fd, false));
    SSL_set_connect_state(transport.ssl_.get());
    return transport;
}

Result<ByteStream> ByteStream::tls_client(SSL_CTX& context, int fd, const std::string& host) {
    KONTOR_TRY(ByteStream transport, tls_client(context, fd));
    SSL* const ssl = transport.ssl_.get();
    in6_addr address{};
    const bool is_ip =
        inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
    bool ok = true;
    if (is_ip) {
        ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    } else {
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        ok = SSL_set1_host(ssl, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
    }
    if (!ok) return fail(ErrorCode::invalid_argument, "not a host name that TLS can verify");
    return transport;
}

IoStatus ByteStream::classify(int returned) {
    switch (SSL_get_error(ssl_.get(), returned)) {
        case SSL_ERROR_WANT_READ:
            return IoStatus::want_read;
        case SSL_ERROR_WANT_WRITE:
            return IoStatus::want_write;
        case SSL_ERROR_ZERO_RETURN:
            return IoStatus::closed;
        default:
            break;
    }
    broken_ = true;
    const unsigned long error = ERR_peek_error();
    const int reason = ERR_GET_REASON(error);
    const long verified = SSL_get_verify_result(ssl_.get());
    if (error == 0) {
        failure_ = errno != 0 ? std::generic_category().message(errno) : "connection closed by the peer";
    } else if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
        failure_ = std::string("certificate not trusted: ") + X509_verify_cert_error_string(verified);
    } else {
        const char* text = ERR_reason_error_string(error);
        failure_ = text != nullptr ? text : "TLS error";
    }
    saw_plain_http_ = reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
    ERR_clear_error();
    return IoStatus::failed;
}

IoStatus ByteStream::handshake() {
    if (!ssl_) return IoStatus::done;
    ERR_clear_error();
    errno = 0;
    const int returned = SSL_do_handshake(ssl_.get());
    if (returned != 1) return classify(returned);
    if (SSL_is_server(ssl_.get()) == 1) {
        SSL_set_read_ahead(ssl_.get(), 1);
        socket_of(SSL_get_rbio(ssl_.get())).is_server =
            false;  // all that comes is encrypted: nothing to look at
    }
    return IoStatus::done;
}

IoOutcome ByteStream::read(char* into, std::size_t size) {
    errno = 0;
    if (!ssl_) return plain_outcome(::recv(fd_, into, size, 0), true);
    ERR_clear_error();
    std::size_t n = 0;
    const int returned = SSL_read_ex(ssl_.get(), into, size, &n);
    if (returned == 1) return {IoStatus::done, n};
    return {classify(returned), 0};
}

IoOutcome ByteStream::write(std::string_view bytes) {
    errno = 0;
    if (!ssl_) return plain_outcome(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), false);
    ERR_clear_error();
    std::size_t n = 0;
    const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
    if (returned == 1) return {IoStatus::done, n};
    return {classify(returned), 0};
}

IoStatus ByteStream::shutdown() {
    if (!ssl_ || broken_) return IoStatus::done;
    ERR_clear_error();
    errno = 0;
    const int returned = SSL_shutdown(ssl_.get());
    if (returned >= 0) return IoStatus::done;  // 0: sent, the peer's own has not come yet
    return classify(returned);
}

bool ByteStream::has_buffered() const {
    return ssl_ && SSL_has_pending(ssl_.get()) == 1;
}

}  // namespace kontor::transport

#pragma once
// A non-blocking byte stream over a connected socket, with TLS or without. It never waits: the caller waits
// for the readiness that the outcome names and calls again.
//
// Why not asio::ssl::stream: that one copies every record through a memory BIO pair and needs one composed
// operation per read and write; driving OpenSSL on the socket itself halves the cost of a small request.
//
// Threading: one thread at a time. Ownership: does not own the file descriptor, which must outlive it.

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kontor/base/result.h"

namespace kontor::transport {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPointer = std::unique_ptr<SSL, FreeSsl>;
using SslContext = std::unique_ptr<SSL_CTX, FreeSsl>;

enum class IoStatus : std::uint8_t {
    done,
    want_read,
    want_write,
    closed,  // the peer said goodbye (TLS close_notify, or end of file on a plain stream)
    failed,  // anything else, also an end of file without close_notify
};

struct IoOutcome {
    IoStatus status = IoStatus::failed;
    std::size_t bytes = 0;
};

class ByteStream {
 public:
    ByteStream() = default;
    [[nodiscard]] static ByteStream plain(int fd);
    [[nodiscard]] static Result<ByteStream> tls_server(SSL_CTX& context, int fd);
    // The context alone decides about the certificate (peer links: the name in it is a node's, not a host's).
    [[nodiscard]] static Result<ByteStream> tls_client(SSL_CTX& context, int fd);
    // Verifies that the certificate is for `host` (a DNS name or an IP address).
    [[nodiscard]] static Result<ByteStream> tls_client(SSL_CTX& context, int fd, const std::string& host);

    [[nodiscard]] IoStatus handshake();  // plain: done at once
    [[nodiscard]] IoOutcome read(char* into, std::size_t size);
    [[nodiscard]] IoOutcome write(std::string_view bytes);  // may write a part
    // Says goodbye (close_notify) without waiting for the answer.
    [[nodiscard]] IoStatus shutdown();
    // Bytes have already left the socket: wait for nothing, read().
    [[nodiscard]] bool has_buffered() const;
    // The peer talks plain HTTP to a TLS port; known after handshake() failed.
    [[nodiscard]] bool saw_plain_http() const { return saw_plain_http_; }
    [[nodiscard]] SSL* ssl() { return ssl_.get(); }
    // Why the last call failed, for people.
    [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
    [[nodiscard]] IoStatus classify(int returned);

    int fd_ = -1;
    SslPointer ssl_;
    bool saw_plain_http_ = false;
    bool broken_ = false;  // after a fatal error OpenSSL forbids SSL_shutdown
    std::string failure_;
};

}  // namespace kontor::transport

// One blocking call for a machine that has no certificate yet.

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "node_certificates.h"
#include "peer_greeting.h"

namespace kontor::peer {
namespace {

class AnonymousCall {
 public:
    AnonymousCall(const std::string& address, std::uint64_t timeout_ms)
        : address_(address),
          deadline_ms_(PeerLoop::now_ms() + std::min<std::uint64_t>(timeout_ms, 3'600'000)) {}

    Result<void> connect() {
        KONTOR_TRY(const auto parts, split_peer_address(address_));
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        const int failed = ::getaddrinfo(parts.first.c_str(), parts.second.c_str(), &hints, &found);
        if (failed != 0) return unavailable(std::string("cannot resolve: ") + ::gai_strerror(failed));
        Result<void> last = unavailable("no address");
        for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
            last = connect_to(*one);
            if (last) break;
        }
        ::freeaddrinfo(found);
        return last;
    }

    Result<void> handshake(SSL_CTX& tls) {
        KONTOR_TRY(transport_, transport::ByteStream::tls_client(tls, fd_.get()));
        for (;;) {
            const transport::IoStatus status = transport_.handshake();
            if (status == transport::IoStatus::done) break;
            if (status != transport::IoStatus::want_read && status != transport::IoStatus::want_write) {
                if (SSL_get_verify_result(transport_.ssl()) != X509_V_OK)
                    return fail(ErrorCode::permission_denied,
                                address_ + " does not belong to the cluster whose fingerprint was given");
                return unavailable("TLS failed: " + transport_.failure());
            }
            KONTOR_CHECK(wait(status, ErrorCode::unavailable));
        }
        const X509* certificate = SSL_get0_peer_certificate(transport_.ssl());
        if (certificate == nullptr || !identity_of(*certificate))
            return fail(ErrorCode::permission_denied, address_ + " is not a node of a cluster");
        return {};
    }

    Result<std::string> exchange(std::uint16_t kind, std::string_view body) {
        std::string out = encode_frame(
            {.kind = FrameKind::hello, .code = kPeerProtocol, .purpose = Purpose::anonymous, .body = {}});
        out += encode_frame({.kind = FrameKind::call, .id = 1, .code = kind, .body = std::string(body)});
        for (std::string_view left = out; !left.empty();) {
            const transport::IoOutcome sent = transport_.write(left);
            if (sent.status == transport::IoStatus::done)
                left.remove_prefix(sent.bytes);
            else if (sent.status == transport::IoStatus::want_write ||
                     sent.status == transport::IoStatus::want_read)
                KONTOR_CHECK(wait(sent.status, ErrorCode::timeout));
            else
                break;  // it may have said why
        }
        FrameParser parser(PeerLimits{}.max_frame_bytes);
        for (;;) {
            char buffer[16'384];
            const transport::IoOutcome got = transport_.read(buffer, sizeof(buffer));
            if (got.status == transport::IoStatus::want_read ||
                got.status == transport::IoStatus::want_write) {
                KONTOR_CHECK(wait(got.status, ErrorCode::timeout));
                continue;
            }
            if (got.status != transport::IoStatus::done)
                return fail(ErrorCode::io, address_ + " closed the connection without an answer");
            std::string_view bytes(buffer, got.bytes);
            while (!bytes.empty()) {
                KONTOR_TRY(const bool whole, parser.take(bytes));
                if (!whole) continue;
                Frame& frame = parser.frame();
                if (frame.kind == FrameKind::answer && frame.id == 1) return std::move(frame.body);
                if (frame.kind == FrameKind::failure && frame.id == 1)
                    return fail(error_code_of(frame.code), std::move(frame.body));
                if (frame.kind == FrameKind::refused)
                    return fail(error_code_of(frame.code), address_ + " refuses: " + frame.body);
            }
        }
    }

 private:
    [[nodiscard]] Unexpected unavailable(const std::string& what) const {
        return fail(ErrorCode::unavailable, address_ + ": " + what);
    }

    Result<void> connect_to(const addrinfo& where) {
        fd_ = OwnedFd(::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (fd_.get() < 0) return fail(errno_error("socket", errno));
        const int on = 1;
        (void)::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (::connect(fd_.get(), where.ai_addr, where.ai_addrlen) == 0) return {};
        if (errno != EINPROGRESS) return unavailable(errno_error("cannot connect", errno).message);
        KONTOR_CHECK(wait(transport::IoStatus::want_write, ErrorCode::unavailable));
        int error = 0;
        socklen_t size = sizeof(error);
        (void)::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return unavailable(errno_error("cannot connect", error).message);
        return {};
    }

    Result<void> wait(transport::IoStatus status, ErrorCode late) {
        for (;;) {
            const std::uint64_t now = PeerLoop::now_ms();
            if (now >= deadline_ms_) return fail(late, address_ + " does not answer in time");
            pollfd one{fd_.get(),
                       static_cast<short>(status == transport::IoStatus::want_write ? POLLOUT : POLLIN), 0};
            const int ready = ::poll(&one, 1, static_cast<int>(deadline_ms_ - now));
            if (ready > 0) return {};
            if (ready < 0 && errno != EINTR) return fail(errno_error("poll", errno));
        }
    }

    const std::string& address_;
    const std::uint64_t deadline_ms_;
    OwnedFd fd_;
    transport::ByteStream transport_;
};

}  // namespace

Result<std::string> anonymous_call(const std::string& address, const std::string& ca_sha256,
                                   std::uint16_t kind, std::string_view body, std::uint64_t timeout_ms) {
    if (body.size() > kMaxAnonymousBytes)
        return fail(ErrorCode::too_large, "a call without a certificate has at most 65536 bytes");
    KONTOR_TRY(const std::string wanted, normal_sha256(ca_sha256));
    KONTOR_TRY(const transport::SslContext tls, make_pinned_context(wanted));
    AnonymousCall call(address, timeout_ms);
    KONTOR_CHECK(call.connect());
    KONTOR_CHECK(call.handshake(*tls));
    return call.exchange(kind, body);
}

}  // namespace kontor::peer

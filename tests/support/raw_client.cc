#include "support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

namespace kontor_test {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

}  // namespace

RawClient::RawClient(std::uint16_t port, bool tls, int receive_buffer_bytes) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own socket BIO, in this client
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes > 0)
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
    const timeval timeout{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    if (!connected_ || !tls) return;
    context_ = SSL_CTX_new(TLS_client_method());
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
    connected_ = SSL_connect(ssl_) == 1;
}

RawClient::~RawClient() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    if (context_ != nullptr) SSL_CTX_free(context_);
    if (fd_ >= 0) ::close(fd_);
}

bool RawClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = 0;
        if (ssl_ != nullptr) {
            ERR_clear_error();
            n = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
        } else {
            n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        }
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool RawClient::fill() {
    char chunk[16384];
    if (ssl_ != nullptr) {
        ERR_clear_error();
        const int n = SSL_read(ssl_, chunk, sizeof(chunk));
        if (n > 0) {
            buffer.append(chunk, static_cast<std::size_t>(n));
            return true;
        }
        const int error = SSL_get_error(ssl_, n);
        last_ = error == SSL_ERROR_ZERO_RETURN                                      ? End::clean
                : error == SSL_ERROR_SYSCALL && (errno == EAGAIN || errno == EINTR) ? End::timeout
                : error == SSL_ERROR_WANT_READ                                      ? End::timeout
                                                                                    : End::reset;
        return false;
    }
    const ssize_t n = ::recv(fd_, chunk, sizeof(chunk), 0);
    if (n > 0) {
        buffer.append(chunk, static_cast<std::size_t>(n));
        return true;
    }
    last_ = n == 0 ? End::clean : errno == EAGAIN ? End::timeout : End::reset;
    return false;
}

std::string RawClient::read_some(std::size_t n) {
    while (buffer.size() < n && fill()) {
    }
    std::string out = std::move(buffer);
    buffer.clear();
    return out;
}

std::optional<RawResponse> RawClient::response(bool head_only) {
    std::size_t head_end = 0;
    while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos)
        if (!fill()) return std::nullopt;
    RawResponse out;
    std::string head = buffer.substr(0, head_end + 2);
    buffer.erase(0, head_end + 4);
    out.status = std::atoi(head.substr(9, 3).c_str());
    for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
        const std::size_t line_end = head.find("\r\n", at);
        const std::string line = head.substr(at, line_end - at);
        const std::size_t colon = line.find(": ");
        out.headers[lower(line.substr(0, colon))] = colon == std::string::npos ? "" : line.substr(colon + 2);
        at = line_end + 2;
    }
    if (head_only || out.status / 100 == 1 || out.status == 204 || out.status == 304) return out;
    if (out.headers["transfer-encoding"] == "chunked") {
        for (;;) {
            std::size_t line_end = 0;
            while ((line_end = buffer.find("\r\n")) == std::string::npos)
                if (!fill()) return std::nullopt;
            const std::size_t size = std::stoul(buffer.substr(0, line_end), nullptr, 16);
            while (buffer.size() < line_end + 2 + size + 2)
                if (!fill()) return std::nullopt;
            out.body += buffer.substr(line_end + 2, size);
            buffer.erase(0, line_end + 2 + size + 2);
            if (size == 0) return out;
        }
    }
    const std::size_t length =
        std::stoul(out.headers.contains("content-length") ? out.headers["content-length"] : "0");
    while (buffer.size() < length)
        if (!fill()) return std::nullopt;
    out.body = buffer.substr(0, length);
    buffer.erase(0, length);
    return out;
}

RawClient::End RawClient::end(int timeout_ms) {
    const timeval timeout{timeout_ms / 1000, timeout_ms % 1000 * 1000};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    while (fill()) buffer.clear();
    return last_;
}

void RawClient::abort() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    ::close(fd_);
    fd_ = -1;
    if (ssl_ != nullptr) SSL_set_quiet_shutdown(ssl_, 1);
}

std::string get(std::string_view target, std::string_view more) {
    std::string out = "GET ";
    return out.append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(more).append("\r\n");
}

std::string post(std::string_view target, std::string_view body, std::string_view more) {
    std::string out = "POST ";
    out.append(target)
        .append(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: ")
        .append(std::to_string(body.size()));
    return out.append("\r\n").append(more).append("\r\n").append(body);
}

}  // namespace kontor_test

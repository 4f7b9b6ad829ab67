#include "kontor/http/load_client.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "ascii.h"
#include "kontor/base/assert.h"
#include "kontor/transport/byte_stream.h"
#include "kontor/transport/tls_context.h"
#include "kontor/uri/uri.h"
#include "response_head.h"

namespace kontor::http {
namespace {

constexpr std::size_t kReadBytes = 64U << 10U;
constexpr std::size_t kMaxHeadBytes = 16U << 10U;
constexpr std::size_t kEvents = 256;

class FileDescriptor {
 public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileDescriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

 private:
    int fd_ = -1;
};

struct Connection {
    FileDescriptor socket;
    transport::ByteStream transport;
    bool open = false;
    bool busy = false;        // a request is under way
    bool want_write = false;  // registered for writability
    bool broken = false;      // failed inside of send(): the next poll() says so
    std::string out;
    std::size_t written = 0;
    std::string in;
    AnswerHead head;
    std::string failure;
};

Result<FileDescriptor> connect_socket(const addrinfo& address) {
    FileDescriptor fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) return fail(errno_error("make a socket", errno));
    const timeval limit{kConnectTimeoutMs / 1000, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0)
        return fail(ErrorCode::unavailable, errno_error("connect", errno).message);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    return fd;
}

class LoadClientImpl final : public LoadClient {
 public:
    Result<void> start(const LoadClientOptions& options) {
        if (options.connections == 0 || options.connections > kMaxLoadConnections)
            return fail(ErrorCode::invalid_argument,
                        "connections must be 1 to " + std::to_string(kMaxLoadConnections));
        KONTOR_TRY(url_, uri::split_url(options.url));
        KONTOR_TRY(context_, transport::make_client_context(options.ca_pem));
        epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
        if (epoll_.get() < 0) return fail(errno_error("make an epoll object", errno));
        KONTOR_CHECK(resolve());
        connections_ = std::vector<Connection>(options.connections);
        for (std::size_t i = 0; i < connections_.size(); ++i) {
            if (auto opened = open(i); !opened)
                return fail(opened.error().code, url_.authority() + ": " + opened.error().message);
        }
        return {};
    }

    std::string& buffer(std::size_t connection) override { return connections_[connection].out; }

    void send(std::size_t index) override {
        Connection& connection = connections_[index];
        KONTOR_ASSERT(!connection.busy, "one request at a time");
        connection.busy = true;
        connection.broken = false;
        connection.written = 0;
        connection.in.clear();
        connection.head = AnswerHead{};
        if (!connection.open) {
            if (auto opened = open(index); !opened) {
                // Not here: the handler may be what called us.
                mark_broken(index, opened.error().message);
                return;
            }
        }
        write(index);
    }

    void poll(std::uint64_t timeout_us, LoadHandler& handler) override {
        std::array<epoll_event, kEvents> events;
        if (!broken_.empty()) timeout_us = 0;
        const int n = wait(events, timeout_us);
        for (int i = 0; i < n; ++i) {
            const auto index = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
            Connection& connection = connections_[index];
            if (connection.broken || !connection.open) continue;
            if (connection.want_write) write(index);
            if (!connection.broken) read(index, handler);
        }
        std::vector<std::size_t> broken;
        broken.swap(broken_);
        for (const std::size_t index : broken) {
            Connection& connection = connections_[index];
            if (!connection.broken || !connection.busy) continue;
            const std::string failure = std::move(connection.failure);
            finish(index, {0, {}, failure}, handler);
        }
    }

 private:
    struct FreeAddresses {
        void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
    };

    Result<void> resolve() {
        if (!url_.https) return fail(ErrorCode::invalid_argument, "the URL must begin with https://");
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        // As the other client: localhost is loopback, whatever the machine's name files say.
        const std::string host = url_.host == "localhost" ? "127.0.0.1" : url_.host;
        const int code = ::getaddrinfo(host.c_str(), std::to_string(url_.port).c_str(), &hints, &found);
        addresses_.reset(found);
        if (code != 0) return fail(ErrorCode::unavailable, url_.host + ": " + ::gai_strerror(code));
        return {};
    }

    // Blocking up to the finished handshake, so that neither is part of any request's latency at the start.
    Result<void> open(std::size_t index) {
        Connection& connection = connections_[index];
        KONTOR_TRY(connection.socket, connect_socket(*addresses_));
        KONTOR_TRY(connection.transport,
                   transport::ByteStream::tls_client(*context_, connection.socket.get(), url_.host));
        for (;;) {
            const transport::IoStatus status = connection.transport.handshake();
            if (status == transport::IoStatus::done) break;
            if (status != transport::IoStatus::want_read && status != transport::IoStatus::want_write)
                return fail(ErrorCode::unavailable, connection.transport.failure());
            pollfd ready{connection.socket.get(),
                         static_cast<short>(status == transport::IoStatus::want_read ? POLLIN : POLLOUT), 0};
            if (::poll(&ready, 1, kConnectTimeoutMs) == 0)
                return fail(ErrorCode::timeout, "no TLS handshake in time");
        }
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = index;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event) != 0)
            return fail(errno_error("watch a socket", errno));
        connection.want_write = false;
        connection.open = true;
        return {};
    }

    // epoll_wait() knows milliseconds only, and an open loop at 20,000 a second needs less; ppoll() knows
    // nanoseconds.
    int wait(std::array<epoll_event, kEvents>& events, std::uint64_t timeout_us) const {
        if (timeout_us > 0) {
            pollfd ready{epoll_.get(), POLLIN, 0};
            const timespec limit{static_cast<time_t>(timeout_us / 1'000'000),
                                 static_cast<long>(timeout_us % 1'000'000) * 1000};
            if (::ppoll(&ready, 1, &limit, nullptr) <= 0) return 0;
        }
        return ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    }

    void watch_writing(std::size_t index, bool wanted) {
        Connection& connection = connections_[index];
        if (connection.want_write == wanted) return;
        epoll_event event{};
        event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
        event.data.u64 = index;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.socket.get(), &event);
        connection.want_write = wanted;
    }

    void write(std::size_t index) {
        Connection& connection = connections_[index];
        while (connection.written < connection.out.size()) {
            const transport::IoOutcome outcome =
                connection.transport.write(std::string_view(connection.out).substr(connection.written));
            if (outcome.status == transport::IoStatus::done) {
                connection.written += outcome.bytes;
            } else if (outcome.status == transport::IoStatus::want_write ||
                       outcome.status == transport::IoStatus::want_read) {
                watch_writing(index, outcome.status == transport::IoStatus::want_write);
                return;
            } else {
                // A server that refuses early says why before it closes: what arrived is still read.
                break;
            }
        }
        watch_writing(index, false);
    }

    void read(std::size_t index, LoadHandler& handler) {
        Connection& connection = connections_[index];
        do {
            const transport::IoOutcome outcome = connection.transport.read(chunk_.data(), chunk_.size());
            if (outcome.status == transport::IoStatus::want_read ||
                outcome.status == transport::IoStatus::want_write)
                return;
            if (outcome.status != transport::IoStatus::done) {
                close(connection);
                if (connection.busy) finish(index, {0, {}, "connection closed"}, handler);
                return;
            }
            if (!connection.busy) {  // nobody asked
                close(connection);
                return;
            }
            connection.in.append(chunk_.data(), outcome.bytes);
            if (take_answer(index, handler)) return;
        } while (connection.transport.has_buffered());
    }

    // True when the request has ended.
    bool take_answer(std::size_t index, LoadHandler& handler) {
        Connection& connection = connections_[index];
        AnswerHead& head = connection.head;
        if (head.state == AnswerHead::State::incomplete) {
            head = parse_answer_head(connection.in);
            if (head.state == AnswerHead::State::incomplete) {
                if (connection.in.size() <= kMaxHeadBytes) return false;
                head.state = AnswerHead::State::unusable;
            }
            if (head.state == AnswerHead::State::unusable || head.body_bytes > kMaxAnswerBytes) {
                close(connection);
                finish(index, {0, {}, "unusable answer"}, handler);
                return true;
            }
            connection.in.reserve(head.head_bytes + head.body_bytes);
        }
        if (connection.in.size() < head.head_bytes + head.body_bytes) return false;
        // An answer before the request was written is a refusal; the rest of the request has no use.
        if (head.close || connection.written < connection.out.size()) close(connection);
        // Swapped, because the handler's send() begins the next answer; so no buffer is ever allocated again.
        answer_.swap(connection.in);
        const auto body = std::string_view(answer_).substr(head.head_bytes, head.body_bytes);
        finish(index, {head.status, body, {}}, handler);
        return true;
    }

    void finish(std::size_t index, const LoadAnswer& answer, LoadHandler& handler) {
        Connection& connection = connections_[index];
        connection.busy = false;
        connection.broken = false;
        connection.out.clear();
        handler.on_answer(index, answer);
    }

    void mark_broken(std::size_t index, std::string why) {
        Connection& connection = connections_[index];
        connection.broken = true;
        connection.failure = std::move(why);
        broken_.push_back(index);
    }

    static void close(Connection& connection) {
        connection.transport = transport::ByteStream();
        connection.socket = FileDescriptor();
        connection.open = false;
        connection.want_write = false;
    }

    uri::Url url_;
    transport::SslContext context_;
    std::unique_ptr<addrinfo, FreeAddresses> addresses_;
    FileDescriptor epoll_;
    std::vector<Connection> connections_;
    std::vector<std::size_t> broken_;
    std::array<char, kReadBytes> chunk_{};
    std::string answer_;
};

// The value of a header field in `head`, which ends with an empty line; nullopt when it is absent.
std::optional<std::string_view> field(std::string_view head, std::string_view name) {
    std::size_t at = head.find("\r\n");
    while (at != std::string_view::npos && at + 2 < head.size()) {
        const std::size_t begin = at + 2, end = head.find("\r\n", begin);
        const std::string_view line = head.substr(begin, end - begin);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            equal_ignoring_case(line.substr(0, name.size()), name)) {
            std::string_view value = line.substr(name.size() + 1);
            while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
            return value;
        }
        at = end;
    }
    return std::nullopt;
}

}  // namespace

AnswerHead parse_answer_head(std::string_view received) {
    AnswerHead head;
    const std::size_t end = received.find("\r\n\r\n");
    if (end == std::string_view::npos) return head;
    const std::string_view text = received.substr(0, end + 2);
    head.state = AnswerHead::State::unusable;
    head.head_bytes = end + 4;
    constexpr std::size_t kStatusAt = 9;  // "HTTP/1.1 200"
    if (!text.starts_with("HTTP/1.1 ") || text.size() < kStatusAt + 3) return head;
    const char* const status_begin = text.data() + kStatusAt;
    if (std::from_chars(status_begin, status_begin + 3, head.status).ptr != status_begin + 3 ||
        head.status < 200)
        return head;
    if (const auto connection = field(text, "connection"))
        head.close = equal_ignoring_case(*connection, "close");
    if (!status_without_body(head.status)) {
        const auto length = field(text, "content-length");
        if (!length) return head;
        const auto parsed = std::from_chars(length->data(), length->data() + length->size(), head.body_bytes);
        if (parsed.ec != std::errc() || parsed.ptr != length->data() + length->size()) return head;
    }
    head.state = AnswerHead::State::complete;
    return head;
}

Result<std::unique_ptr<LoadClient>> LoadClient::connect(const LoadClientOptions& options) {
    auto client = std::make_unique<LoadClientImpl>();
    KONTOR_CHECK(client->start(options));
    return std::unique_ptr<LoadClient>(std::move(client));
}

}  // namespace kontor::http

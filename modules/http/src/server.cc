#include "kontor/http/server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <chrono>

#include "ascii.h"
#include "kontor/base/log.h"
#include "kontor/http/host_address.h"
#include "kontor/transport/tls_context.h"
#include "server_state.h"
#include "worker.h"

namespace kontor::http {
namespace {

using Endpoint = boost::asio::ip::tcp::endpoint;

constexpr unsigned kMaxThreads = 256;

Result<Endpoint> endpoint_of(const std::string& text, std::uint16_t port) {
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(text, error);
    if (const std::string why = why_no_host_has(text); !why.empty())
        return fail(ErrorCode::invalid_argument, text + " is " + why + ": no connection can come to it");
    if (!error) return Endpoint(address, port);
    return fail(ErrorCode::invalid_argument,
                "not an IP address: " + text +
                    (text == "localhost"                   ? "; write 127.0.0.1"
                     : text.starts_with('[')               ? "; write it without brackets"
                     : text.find(':') != std::string::npos ? "; the port is a setting of its own"
                                                           : "; a host name has no meaning here"));
}

// What a listening socket is refused for, in an operator's words.
Error listen_error(const Endpoint& endpoint, int error) {
    const std::string where = endpoint.address().to_string() + " port " + std::to_string(endpoint.port());
    if (error == EADDRINUSE)
        return {ErrorCode::already_exists, where + " is in use: another program listens there"};
    if (error == EADDRNOTAVAIL || error == ENODEV || error == EINVAL)
        return {ErrorCode::invalid_argument,
                endpoint.address().to_string() + " is no address of this machine that can be listened on"};
    if (error == EAFNOSUPPORT)
        return {ErrorCode::invalid_argument,
                "this machine has no IPv6: cannot listen on " + endpoint.address().to_string()};
    if (error == EACCES || error == EPERM)
        return {ErrorCode::permission_denied,
                "this user may not listen on " + where +
                    "; ports below 1024 need CAP_NET_BIND_SERVICE, which the package's service has"};
    return errno_error("cannot listen on " + where, error);
}

// SO_REUSEPORT lets a second server of the same user listen beside the first and take half of its
// connections. Binding once without it finds that mistake.
Result<void> check_port_is_free(const Endpoint& endpoint) {
    const int fd = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(listen_error(endpoint, errno));
    const int on = 1;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const int bound = ::bind(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
    const int error = errno;
    ::close(fd);
    if (bound == 0) return {};
    return fail(listen_error(endpoint, error));
}

class ServerImpl final : public Server {
 public:
    ~ServerImpl() override { stop(0); }

    Result<void> open(ServerOptions options) {
        KONTOR_TRY(Endpoint endpoint, endpoint_of(options.address, options.port));
        if (options.threads == 0 || options.threads > kMaxThreads)
            return fail(ErrorCode::invalid_argument, "threads must be 1 to 256");
        if (!options.handler) return fail(ErrorCode::invalid_argument, "a server needs a handler");
        KONTOR_TRY(const transport::SslContext context, transport::make_server_context(options.tls));
        KONTOR_CHECK(check_port_is_free(endpoint));
        state_.options = std::move(options);
        state_.handshakes = std::make_unique<transport::HandshakeBudget>(
            state_.options.limits.handshakes_per_s, state_.options.limits.handshakes_per_s_per_address);
        const ServerLimits& limits = state_.options.limits;
        state_.requests = std::make_unique<ByteBudget>(limits.max_request_bytes, limits.max_stranger_bytes);
        state_.answers = std::make_unique<ByteBudget>(limits.max_answer_bytes, limits.max_answer_bytes);
        for (unsigned i = 0; i < state_.options.threads; ++i) {
            auto worker = std::make_unique<Worker>(state_, i, transport::shared_context(context.get()));
            KONTOR_TRY(port_, worker->listen(endpoint));
            endpoint.port(port_);
            workers_.push_back(std::move(worker));
        }
        for (const auto& worker : workers_) state_.workers.push_back(worker.get());
        for (const auto& worker : workers_) worker->start();
        started_ = true;
        return {};
    }

    std::uint16_t port() const override { return port_; }

    void tell_to_close() override { state_.telling_to_close.store(true); }

    void stop_accepting() override {
        if (state_.draining.exchange(true) || !started_) return;
        for (const auto& worker : workers_) worker->request_stop_accepting();
    }

    void stop(std::uint64_t grace_ms) override {
        const std::lock_guard once(stop_mutex_);
        if (stopped_ || !started_) return;
        stopped_ = true;
        stop_accepting();
        for (const auto& worker : workers_) worker->request_drain();
        {
            std::unique_lock lock(state_.mutex);
            state_.changed.wait_for(lock, std::chrono::milliseconds(grace_ms),
                                    [this] { return state_.open_connections.load() == 0; });
        }
        for (const auto& worker : workers_) worker->request_finish();
        for (const auto& worker : workers_) worker->join();
    }

    Result<void> set_identity(const transport::TlsIdentity& identity) override {
        KONTOR_TRY(const transport::SslContext context, transport::make_server_context(identity));
        for (const auto& worker : workers_) worker->request_context(context.get());
        return {};
    }

    void set_trusted_proxies(std::shared_ptr<const AddressRanges> proxies) override {
        for (const auto& worker : workers_) worker->request_proxies(proxies);
    }

    ServerStats stats() const override {
        ServerStats sum;
        for (const auto& worker : workers_) {
            const WorkerStats& one = worker->stats();
            sum.connections += one.connections.load(std::memory_order_relaxed);
            sum.requests += one.requests.load(std::memory_order_relaxed);
            sum.tls_failures += one.tls_failures.load(std::memory_order_relaxed);
            sum.bad_requests += one.bad_requests.load(std::memory_order_relaxed);
            sum.refused_connections += one.refused.load(std::memory_order_relaxed);
            sum.closed_for_room += one.closed_for_room.load(std::memory_order_relaxed);
            sum.delayed_handshakes += one.delayed_handshakes.load(std::memory_order_relaxed);
        }
        sum.open_connections = state_.open_connections.load();
        if (state_.requests) sum.request_bytes = state_.requests->held();
        if (state_.answers) sum.answer_bytes = state_.answers->held();
        return sum;
    }

 private:
    ServerState state_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::uint16_t port_ = 0;
    bool started_ = false;
    std::mutex stop_mutex_;
    bool stopped_ = false;
};

}  // namespace

std::string_view Request::header(std::string_view name) const {
    for (const Header& one : headers)
        if (equal_ignoring_case(one.name, name)) return one.value;
    return {};
}

void ServerState::log_limited(std::uint64_t now_ms, std::string_view message) {
    std::uint64_t next = next_log_ms_.load(std::memory_order_relaxed);
    if (now_ms < next || !next_log_ms_.compare_exchange_strong(next, now_ms + 1000)) return;
    log::warning("net", message);
}

Result<void> check_listen(const std::string& address, std::uint16_t port) {
    KONTOR_TRY(const Endpoint endpoint, endpoint_of(address, port));
    return check_port_is_free(endpoint);
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
    auto server = std::make_unique<ServerImpl>();
    KONTOR_CHECK(server->open(std::move(options)));
    return std::unique_ptr<Server>(std::move(server));
}

}  // namespace kontor::http

#include "worker.h"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

#include "kontor/base/log.h"
#include "response_head.h"
#include "tls_context.h"

namespace kontor::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::uint64_t kAcceptPauseMs = 100;  // out of file descriptors: let some close

// Fine enough for the shortest limit, coarse enough to cost nothing.
std::uint64_t tick_interval(const ServerLimits& limits) {
    const std::uint64_t shortest =
        std::min({limits.handshake_timeout_ms, limits.header_timeout_ms, limits.body_timeout_ms,
                  limits.idle_timeout_ms, limits.write_timeout_ms, limits.response_timeout_ms});
    return std::clamp<std::uint64_t>(shortest / 10, 5, 250);
}

std::string plain_address(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    return address.to_string();
}

}  // namespace

Worker::Worker(ServerState& state, unsigned number, SslContext tls)
    : state_(state),
      number_(number),
      tls_(std::move(tls)),
      work_(context_.get_executor()),
      acceptor_(context_.get_executor()),
      tick_(context_.get_executor()),
      accept_pause_(context_.get_executor()),
      tick_ms_(tick_interval(state.options.limits)),
      inbox_(std::make_shared<Inbox>(context_)),
      scratch_(kScratchBytes) {}

Worker::~Worker() {
    KONTOR_ASSERT(!thread_.joinable(), "a worker is joined before it goes");
    inbox_->close();
}

Result<std::uint16_t> Worker::listen(const asio::ip::tcp::endpoint& endpoint) {
    const auto failed = [&endpoint](const error_code& error) {
        Error out = errno_error(
            "cannot listen on " + endpoint.address().to_string() + " port " + std::to_string(endpoint.port()),
            error.value());
        return fail(std::move(out));
    };
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (error) return failed(error);
    const int on = 1;
    if (::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
        return failed(error_code(errno, boost::system::system_category()));
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(4096, error);
    if (error) return failed(error);
    const auto local = acceptor_.local_endpoint(error);
    if (error) return failed(error);
    return local.port();
}

void Worker::start() {
    accept();
    schedule_tick();
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), ("net-" + std::to_string(number_)).c_str());
        for (;;) {
            // The last net: a session's own failure is caught in the session.
            try {
                context_.run();
                return;
            } catch (const std::exception& e) {
                log::error("net", std::string("network thread: ") + e.what());
            }
        }
    });
}

void Worker::accept() {
    acceptor_.async_accept(context_, [this](const error_code& error, Socket socket) {
        if (error) return accept_failed(error);
        accepted(std::move(socket));
        accept();
    });
}

void Worker::accept_failed(const error_code& error) {
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (error == asio::error::connection_aborted) return accept();
    state_.log_limited(now_ms(), "accept: " + error.message());
    accept_pause_.expires_after(std::chrono::milliseconds(kAcceptPauseMs));
    accept_pause_.async_wait([this](const error_code& cancelled) {
        if (!cancelled && acceptor_.is_open()) accept();
    });
}

void Worker::accepted(Socket socket) {
    stats_.connections.fetch_add(1, std::memory_order_relaxed);
    if (state_.draining.load(std::memory_order_relaxed)) return;
    if (state_.open_connections.fetch_add(1) >= state_.options.limits.max_connections) {
        state_.open_connections.fetch_sub(1);
        return;
    }
    error_code error;
    socket.non_blocking(true, error);
    if (!error) socket.set_option(asio::ip::tcp::no_delay(true), error);
    asio::ip::tcp::endpoint peer;
    if (!error) peer = socket.remote_endpoint(error);
    auto transport = Transport::tls_server(*tls_, socket.native_handle());
    if (error || !transport) {
        state_.open_connections.fetch_sub(1);
        return;
    }
    auto session = std::make_shared<Session>(*this, std::move(socket), *std::move(transport),
                                             plain_address(peer.address()));
    session->list_index = sessions_.size();
    sessions_.push_back(session);
    session->start();
}

void Worker::remove(Session& session) {
    const std::size_t at = session.list_index;
    KONTOR_ASSERT(at < sessions_.size() && sessions_[at].get() == &session, "a session is listed once");
    if (at + 1 != sessions_.size()) {
        sessions_[at] = std::move(sessions_.back());
        sessions_[at]->list_index = at;
    }
    sessions_.pop_back();
    state_.open_connections.fetch_sub(1);
    if (state_.draining.load(std::memory_order_relaxed)) {
        const std::lock_guard lock(state_.mutex);
        state_.changed.notify_all();
    }
}

void Worker::schedule_tick() {
    tick_.expires_after(std::chrono::milliseconds(tick_ms_));
    tick_.async_wait([this](const error_code& cancelled) {
        if (cancelled || finishing_) return;
        const std::uint64_t now = now_ms();
        // Backwards, because a session that closes is replaced by the last one, which was looked at already.
        for (std::size_t i = sessions_.size(); i-- > 0;) {
            if (i >= sessions_.size()) continue;
            const std::shared_ptr<Session> session = sessions_[i];
            session->tick(now);
        }
        schedule_tick();
    });
}

void Worker::close_acceptor() {
    error_code ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
}

void Worker::request_stop_accepting() {
    asio::post(context_, [this] { close_acceptor(); });
}

// Each thread has a reference of its own, so accepting takes no lock.
void Worker::request_context(SSL_CTX* context) {
    asio::post(context_, [this, taken = shared_context(context)]() mutable { tls_ = std::move(taken); });
}

void Worker::request_drain() {
    asio::post(context_, [this] {
        const auto all = sessions_;
        for (const auto& session : all) session->drain();
    });
}

void Worker::request_finish() {
    asio::post(context_, [this] {
        finishing_ = true;
        close_acceptor();
        const auto all = sessions_;
        for (const auto& session : all) session->abort();
        tick_.cancel();
        work_.reset();
    });
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
    inbox_->close();
}

std::uint64_t Worker::now_ms() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

std::string_view Worker::date() {
    if (state_.options.clock == nullptr) return {};
    const std::int64_t second = state_.options.clock->wall_ms() / 1000;
    if (second != date_second_) {
        date_ = http_date(second);
        date_second_ = second;
    }
    return date_;
}

}  // namespace kontor::net

#include "worker.h"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <limits>

#include "kontor/base/address_key.h"
#include "kontor/base/log.h"
#include "kontor/http/client_address.h"
#include "kontor/transport/tls_context.h"
#include "response_head.h"

namespace kontor::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::uint64_t kAcceptPauseMs = 100;  // out of descriptors or memory: let some close
constexpr std::size_t kClosedAtOnce = 16;      // that many waiting ones, then
constexpr std::size_t kLookedAt = 16;          // the longest waiting; of these the heaviest address pays
constexpr std::uint64_t kAskMs = 2'000;        // for the other workers to look, however busy they are
constexpr unsigned kMaxAsks = 3;               // another one may take the room that was made
constexpr std::size_t kMaxAsking = 64;         // connections that wait for that

// Fine enough for the shortest limit, coarse enough to cost nothing.
std::uint64_t tick_interval(const ServerLimits& limits) {
    const std::uint64_t shortest =
        std::min({limits.handshake_timeout_ms, limits.header_timeout_ms, limits.body_timeout_ms,
                  limits.idle_timeout_ms, limits.write_timeout_ms, limits.response_timeout_ms});
    return std::clamp<std::uint64_t>(shortest / 10, 5, 250);
}

}  // namespace

Worker::Worker(ServerState& state, unsigned number, transport::SslContext tls)
    : state_(state),
      number_(number),
      tls_(std::move(tls)),
      proxies_(state.options.trusted_proxies),
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
    // Its connections inherit it: what a client does not read waits here, where it is counted.
    if (!error) acceptor_.set_option(asio::socket_base::send_buffer_size(kSendBufferBytes), error);
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
        // Nothing may keep this worker from accepting the next one: no memory is as no room.
        try {
            admit(std::move(socket), 0);
        } catch (const std::exception& e) {
            state_.log_limited(now_ms(), std::string("accept: ") + e.what());
        }
        accept();
    });
}

void Worker::accept_failed(const error_code& error) {
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (error == asio::error::connection_aborted) return accept();
    // EMFILE, ENFILE, ENOMEM, ENOBUFS: too many for this machine. The idle ones make room.
    state_.log_limited(now_ms(), "accept: " + error.message());
    for (std::size_t i = 0; i < kClosedAtOnce && close_one(nullptr); ++i) {
    }
    accept_pause_.expires_after(std::chrono::milliseconds(kAcceptPauseMs));
    accept_pause_.async_wait([this](const error_code& cancelled) {
        if (!cancelled && acceptor_.is_open()) accept();
    });
}

void Worker::admit(Socket socket, unsigned times_asked) {
    if (times_asked == 0) stats_.connections.fetch_add(1, std::memory_order_relaxed);
    if (state_.draining.load(std::memory_order_relaxed)) return;
    error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (!error) socket.non_blocking(true, error);
    if (!error) socket.set_option(asio::ip::tcp::no_delay(true), error);
    if (error) return;
    Origin from{plain_address(peer.address()), address_key(peer.address().to_string()), true};
    from.is_bound = proxies_ == nullptr || !proxies_->contains(from.ip);
    const int ceiling = limits().max_descriptor;
    if (ceiling != 0 && socket.native_handle() >= ceiling) {
        (void)close_one(nullptr);
        return refuse();
    }
    switch (take_place(from)) {
        case Place::taken:
            break;
        case Place::none:
            return refuse();
        case Place::ask:
            return ask_others(std::move(socket), from, times_asked);
    }
    const auto session = std::make_shared<Session>(*this, std::move(socket), std::move(from));
    session->list_index = sessions_.size();
    sessions_.push_back(session);
    waiting_.join(session->place, *session, session->origin().share);
    session->start();
}

void Worker::refuse() {
    stats_.refused.fetch_add(1, std::memory_order_relaxed);
    state_.log_limited(now_ms(), "no room for another connection");
}

// Counts the connection in, if need be instead of one that waits.
Worker::Place Worker::take_place(const Origin& from) {
    const std::size_t share =
        from.is_bound ? limits().max_connections_per_address : std::numeric_limits<std::size_t>::max();
    const bool is_alone = state_.workers.size() < 2;
    bool has_share = state_.shares.take(from.share, share);
    if (!has_share && close_one(&from.share)) has_share = state_.shares.take(from.share, share);
    if (!has_share) return is_alone ? Place::none : Place::ask;
    if (state_.open_connections.fetch_add(1) < limits().max_connections) return Place::taken;
    state_.open_connections.fetch_sub(1);
    if (close_one(nullptr)) {
        if (state_.open_connections.fetch_add(1) < limits().max_connections) return Place::taken;
        state_.open_connections.fetch_sub(1);
    }
    state_.shares.give_back(from.share);
    return is_alone ? Place::none : Place::ask;
}

bool Worker::close_one(const std::string* share) {
    Session* const victim = share != nullptr ? waiting_.longest_of(*share)
                                             : waiting_.heaviest(kLookedAt, [this](const std::string& key) {
                                                   return state_.shares.count(key);
                                               });
    if (victim == nullptr) return false;
    stats_.closed_for_room.fetch_add(1, std::memory_order_relaxed);
    victim->make_room();
    return true;
}

// The kernel spreads connections, so those that could make room may all be another worker's.
void Worker::ask_others(Socket socket, const Origin& from, unsigned times_asked) {
    if (asking_.size() >= kMaxAsking || times_asked >= kMaxAsks || finishing_) return refuse();
    const bool is_share = state_.shares.count(from.share) >= limits().max_connections_per_address;
    const std::uint64_t no = ++last_asking_no_;
    Asking& asking = asking_
                         .emplace(no, Asking{std::move(socket), Timer(context_.get_executor()),
                                             state_.workers.size() - 1, times_asked + 1})
                         .first->second;
    for (Worker* const other : state_.workers) {
        if (other == this) continue;
        asio::post(other->context_, [this, other, no, is_share, share = from.share] {
            (void)other->close_one(is_share ? &share : nullptr);
            asio::post(context_, [this, no] { others_looked(no); });
        });
    }
    asking.timer.expires_after(std::chrono::milliseconds(kAskMs));
    asking.timer.async_wait([this, no](const error_code& cancelled) {
        const auto found = asking_.find(no);
        if (cancelled || found == asking_.end()) return;
        found->second.silent = 1;
        others_looked(no);
    });
}

void Worker::others_looked(std::uint64_t asking_no) {
    const auto found = asking_.find(asking_no);
    if (found == asking_.end() || --found->second.silent > 0) return;
    Asking asking = std::move(found->second);
    asking_.erase(found);
    admit(std::move(asking.socket), asking.times_asked);
}

bool Worker::may_shake_hands(const Origin& from) {
    if (state_.handshakes->may_begin(from.share, from.is_bound, now_ms())) return true;
    stats_.delayed_handshakes.fetch_add(1, std::memory_order_relaxed);
    return false;
}

void Worker::remove(Session& session) {
    const std::size_t at = session.list_index;
    state_.shares.give_back(session.origin().share);
    waiting_.leave(session.place);
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
    asio::post(context_,
               [this, taken = transport::shared_context(context)]() mutable { tls_ = std::move(taken); });
}

void Worker::request_proxies(std::shared_ptr<const AddressRanges> proxies) {
    asio::post(context_, [this, taken = std::move(proxies)]() mutable { proxies_ = std::move(taken); });
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
        asking_.clear();
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

}  // namespace kontor::http

#include "peer_door.h"

#include <algorithm>

#include "kontor/base/address_key.h"

namespace kontor::peer {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::uint64_t kAcceptPauseMs = 100;  // out of file descriptors: let some close
constexpr int kBacklog = 1024;

}  // namespace

PeerDoor::PeerDoor(PeerShared& shared, std::function<void(OpenedLink)> accepted)
    : shared_(shared),
      hand_over_(std::move(accepted)),
      handshakes_(shared.options.limits.handshakes_per_s, shared.options.limits.handshakes_per_s_per_address),
      acceptor_(shared.bulk.context().get_executor()),
      pause_(shared.bulk.context().get_executor()) {}

Result<std::uint16_t> PeerDoor::listen(const std::string& address, std::uint16_t port) {
    error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return fail(ErrorCode::invalid_argument, "not an IP address: " + address);
    const PeerLoop::Tcp::endpoint endpoint(ip, port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(kBacklog, error);
    if (error) {
        return fail(errno_error("cannot listen for peers on " + address + " port " + std::to_string(port),
                                error.value()));
    }
    return acceptor_.local_endpoint(error).port();
}

void PeerDoor::start() {
    accept();
}

void PeerDoor::accept() {
    if (closed_) return;
    acceptor_.async_accept(shared_.bulk.context(), [this](const error_code& error, PeerLoop::Socket socket) {
        if (closed_ || error == asio::error::operation_aborted) return;
        if (!error) {
            // Nothing may keep the door from the next one: no memory is as no room.
            try {
                accepted(std::move(socket));
            } catch (const std::exception& e) {
                shared_.log_limited(std::string("accept: ") + e.what());
            }
            return accept();
        }
        if (error == asio::error::connection_aborted) return accept();
        shared_.log_limited("accept: " + error.message());
        close_oldest();
        pause_.expires_after(std::chrono::milliseconds(kAcceptPauseMs));
        pause_.async_wait([this](const error_code& cancelled) {
            if (!cancelled) accept();
        });
    });
}

void PeerDoor::close_oldest() {
    if (accepted_.empty()) return;
    const auto oldest = accepted_.front();
    oldest->abort({ErrorCode::overloaded, "too many connections that have not greeted"});
    accepted_.pop_front();
}

void PeerDoor::accepted(PeerLoop::Socket socket) {
    error_code error;
    const auto from = socket.remote_endpoint(error);
    if (error) return;
    const PeerLimits& limits = shared_.options.limits;
    if (!handshakes_.may_begin(address_key(from.address().to_string()), true, PeerLoop::now_ms()))
        return shared_.log_limited("too many connections a second at the peer port");
    std::erase_if(accepted_, [](const auto& one) { return one->over(); });
    const bool is_full = limits.max_descriptor != 0 && socket.native_handle() >= limits.max_descriptor;
    if (is_full || accepted_.size() >= limits.max_greetings) close_oldest();
    if (is_full) return shared_.log_limited("too many descriptors for another connection");
    const bool v6 = from.address().is_v6();
    const std::string address =
        (v6 ? "[" : "") + from.address().to_string() + (v6 ? "]:" : ":") + std::to_string(from.port());
    const auto greeting = std::make_shared<PeerGreeting>(
        shared_, shared_.bulk, [this](Result<OpenedLink> opened, std::uint16_t /*verdict*/) {
            if (opened) return hand_over_(*std::move(opened));
            if (!closed_) shared_.log_limited(opened.error().message);
        });
    accepted_.push_back(greeting);
    greeting->accept(std::move(socket), address);
}

void PeerDoor::dial(const std::string& address, std::uint64_t node_id, Purpose purpose,
                    PeerGreeting::Done done) {
    if (closed_) return done(fail(ErrorCode::unavailable, "the peer port is closing"), 0);
    const auto greeting = std::make_shared<PeerGreeting>(shared_, shared_.bulk, std::move(done));
    dialled_.push_back(greeting);
    greeting->dial(address, node_id, purpose);
}

void PeerDoor::tick(std::uint64_t now) {
    for (std::size_t i = 0; i < accepted_.size(); ++i) accepted_[i]->tick(now);
    for (std::size_t i = 0; i < dialled_.size(); ++i) dialled_[i]->tick(now);
    std::erase_if(accepted_, [](const auto& one) { return one->over(); });
    std::erase_if(dialled_, [](const auto& one) { return one->over(); });
}

void PeerDoor::close() {
    closed_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (const auto& one : accepted_) one->abort({ErrorCode::unavailable, "the peer port is closing"});
    for (const auto& one : dialled_) one->abort({ErrorCode::unavailable, "the peer port is closing"});
}

}  // namespace kontor::peer

#include "peer_greeting.h"

#include <algorithm>

#include "kontor/base/log.h"
#include "kontor/base/shortage.h"
#include "kontor/transport/greeting_peek.h"

namespace kontor::peer {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::uint64_t kLingerMs = 1'000;
constexpr std::size_t kMaxDroppedBytes = 256U << 10U;

}  // namespace

Result<std::pair<std::string, std::string>> split_peer_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    const auto wrong = [&address] {
        return fail(ErrorCode::invalid_argument, "not an address of the form host:port: " + address);
    };
    if (colon == std::string::npos || colon == 0 || colon + 1 == address.size()) return wrong();
    std::string host = address.substr(0, colon);
    std::string port = address.substr(colon + 1);
    if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(port) == 0 || std::stoi(port) > 65'535)
        return wrong();
    if (host.front() == '[' && host.back() == ']' && host.size() > 2)
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string::npos)
        return wrong();
    return std::pair(std::move(host), std::move(port));
}

PeerGreeting::PeerGreeting(PeerShared& shared, PeerLoop& loop, Done done)
    : shared_(shared),
      loop_(loop),
      done_(std::move(done)),
      socket_(loop.context().get_executor()),
      tls_(shared.tls()) {}

void PeerGreeting::dial(std::string address, std::uint64_t node_id, Purpose purpose) {
    dialled_ = true;
    address_ = std::move(address);
    expected_ = node_id;
    purpose_ = purpose;
    deadline_ms_ = PeerLoop::now_ms() + shared_.options.limits.connect_timeout_ms;
    const auto parts = split_peer_address(address_);
    if (!parts) return abort(parts.error());
    error_code error;
    const auto literal = asio::ip::make_address(parts->first, error);
    const auto port = static_cast<std::uint16_t>(std::stoi(parts->second));
    if (!error) return looked_up(transport::NameLookup::Addresses{literal}, port);
    const auto on_found = [weak = weak_from_this(), &loop = loop_,
                           port](const Result<transport::NameLookup::Addresses>& found) {
        loop.post([weak, found, port] {
            const auto self = weak.lock();
            if (self && !self->over()) self->looked_up(found, port);
        });
    };
    shared_.names.look_up(parts->first, node_id, deadline_ms_, on_found);
}

void PeerGreeting::looked_up(const Result<transport::NameLookup::Addresses>& found, std::uint16_t port) {
    if (!found && found.error().code == ErrorCode::overloaded) return lack(found.error().message);
    if (!found) return lost(found.error().message);
    for (const auto& address : *found) endpoints_.emplace_back(address, port);
    connect_next("no address");
}

void PeerGreeting::connect_next(const std::string& last_error) {
    if (next_endpoint_ == endpoints_.size()) return lost("cannot connect: " + last_error);
    error_code error;
    socket_.close(error);
    const PeerLoop::Tcp::endpoint& to = endpoints_[next_endpoint_++];
    socket_.open(to.protocol(), error);
    if (is_shortage(error.value())) return lack(error.message());
    if (error) return connect_next(error.message());
    socket_.async_connect(to, [self = shared_from_this()](const error_code& failed) {
        if (self->over()) return;
        if (is_shortage(failed.value())) return self->lack(failed.message());
        if (failed) return self->connect_next(failed.message());
        self->begin_tls();
    });
}

// The other node has no part in it, and is dialled again soon.
void PeerGreeting::lack(const std::string& what) {
    abort({ErrorCode::overloaded,
           "no room here for a connection to " + node_name(expected_) + " at " + address_ + ": " + what});
}

void PeerGreeting::accept(PeerLoop::Socket socket, std::string address) {
    socket_ = std::move(socket);
    address_ = std::move(address);
    begin_tls();
}

void PeerGreeting::begin_tls() {
    deadline_ms_ = PeerLoop::now_ms() + shared_.options.limits.handshake_timeout_ms;
    error_code error;
    socket_.non_blocking(true, error);
    if (!error) socket_.set_option(PeerLoop::Tcp::no_delay(true), error);
    if (error) return lost(error.message());
    const int fd = socket_.native_handle();
    auto transport = dialled_ ? transport::ByteStream::tls_client(*tls_->client, fd)
                              : transport::ByteStream::tls_server(*tls_->server, fd);
    if (!transport) return lost(transport.error().message);
    transport_ = *std::move(transport);
    attach(*transport_.ssl(), &check_);
    state_ = State::handshake;
    if (dialled_) return run();
    transport::await_greeting(fd);
    (void)wait_for(transport::IoStatus::want_read);
}

void PeerGreeting::run() {
    if (running_) return;
    const auto self = shared_from_this();
    running_ = true;
    while (step()) {
    }
    running_ = false;
}

bool PeerGreeting::step() {
    switch (state_) {
        case State::handshake:
            return step_handshake();
        case State::sending_hello:
            return step_sending(dialled_ ? State::reading_hello : State::over);
        case State::reading_hello:
            return step_reading();
        case State::refusing:
            return step_sending(State::lingering);
        case State::lingering:
            return step_lingering();
        case State::connecting:
        case State::over:
            return false;
    }
    return false;
}

bool PeerGreeting::step_handshake() {
    if (!dialled_ && !is_looked_at_) {
        const transport::GreetingPeek peek = transport::peek_greeting(socket_.native_handle());
        if (peek == transport::GreetingPeek::not_yet) return wait_for(transport::IoStatus::want_read);
        if (peek != transport::GreetingPeek::good) {
            lost(peek == transport::GreetingPeek::refused ? "the greeting is too large"
                                                          : "closed without a greeting");
            return false;
        }
        is_looked_at_ = true;
    }
    const transport::IoStatus status = transport_.handshake();
    if (status == transport::IoStatus::want_read || status == transport::IoStatus::want_write)
        return wait_for(status);
    if (status != transport::IoStatus::done) {
        const std::string& why = check_.problem.empty() ? transport_.failure() : check_.problem;
        lost("TLS failed: " + why);
        return false;
    }
    who_ = identify(*transport_.ssl(), check_, shared_.options.self, expected_);
    if (!dialled_) {
        // A refusal waits for the hello: closing with bytes unread would take the reason away again.
        state_ = State::reading_hello;
        return true;
    }
    if (who_ && who_->node_id == 0)
        who_ = fail(ErrorCode::permission_denied, "the other side has no certificate");
    if (!who_) return refuse(who_.error());
    return send_hello();
}

bool PeerGreeting::send_hello() {
    Frame frame{.kind = FrameKind::hello, .code = kPeerProtocol, .purpose = purpose_, .body = {}};
    if (purpose_ != Purpose::anonymous) {
        auto bytes = shared_.hello();
        if (!bytes) return refuse(bytes.error());
        frame.body = *std::move(bytes);
    }
    out_ = encode_frame(frame);
    out_at_ = 0;
    state_ = State::sending_hello;
    return true;
}

bool PeerGreeting::step_sending(State next) {
    while (out_at_ < out_.size()) {
        const transport::IoOutcome sent = transport_.write(std::string_view(out_).substr(out_at_));
        if (sent.status == transport::IoStatus::want_read || sent.status == transport::IoStatus::want_write)
            return wait_for(sent.status);
        if (sent.status != transport::IoStatus::done) {
            lost("connection lost: " + transport_.failure());
            return false;
        }
        out_at_ += sent.bytes;
    }
    if (next == State::over) {
        hand_over();
        return false;
    }
    if (next == State::lingering) {
        (void)transport_.shutdown();
        error_code ignored;
        socket_.shutdown(PeerLoop::Socket::shutdown_send, ignored);
        deadline_ms_ = PeerLoop::now_ms() + kLingerMs;
    }
    state_ = next;
    return true;
}

bool PeerGreeting::step_reading() {
    for (;;) {
        const transport::IoOutcome got = transport_.read(loop_.scratch().data(), loop_.scratch().size());
        if (got.status == transport::IoStatus::want_read || got.status == transport::IoStatus::want_write)
            return wait_for(got.status);
        if (got.status != transport::IoStatus::done) {
            // A refused certificate reaches a TLS 1.3 client only now.
            lost("connection lost before the hello: " + (got.status == transport::IoStatus::closed
                                                             ? "closed by the other side"
                                                             : transport_.failure()));
            return false;
        }
        std::string_view bytes(loop_.scratch().data(), got.bytes);
        const auto whole = parser_.take(bytes);
        if (!whole) return refuse(whole.error());
        if (!*whole) continue;
        leftover_ = bytes;
        return take_hello(parser_.frame());
    }
}

bool PeerGreeting::take_hello(Frame& frame) {
    if (frame.kind == FrameKind::refused) {
        // Only of the node that was to be reached, and whose certificate says that it is that.
        const bool is_of_node = dialled_ && who_ && who_->node_id != 0;
        const std::string who = who_ ? node_name(who_->node_id) : "the other side";
        report(fail(error_code_of(frame.code), who + " at " + address_ + " refuses: " + frame.body),
               is_of_node ? frame.verdict : std::uint16_t{0});
        close();
        return false;
    }
    if (const auto refusal = check(frame)) return refuse(refusal->error, refusal->verdict);
    if (!dialled_) return send_hello();
    hand_over();
    return false;
}

std::optional<PeerRefusal> PeerGreeting::check(const Frame& frame) {
    const auto because = [](ErrorCode code, std::string text) {
        return PeerRefusal{{code, std::move(text)}};
    };
    if (!who_) return PeerRefusal{who_.error()};
    if (frame.kind != FrameKind::hello)
        return because(ErrorCode::corruption, "the first frame is not a hello");
    if (frame.code != kPeerProtocol) {
        return because(ErrorCode::unsupported, "peer protocol " + std::to_string(frame.code) +
                                                   " is not spoken here, but " +
                                                   std::to_string(kPeerProtocol));
    }
    if (dialled_ && frame.purpose != purpose_)
        return because(ErrorCode::corruption, "an answer to another hello");
    if (!dialled_) purpose_ = frame.purpose;
    if (purpose_ == Purpose::anonymous) {
        who_ = PeerIdentity{};
        return std::nullopt;
    }
    if (who_->node_id == 0)
        return because(ErrorCode::unauthenticated, "a certificate of this cluster is needed");
    return shared_.check_hello(*who_, frame.body);
}

bool PeerGreeting::refuse(const Error& why, std::uint16_t verdict) {
    const std::string who = who_ ? node_name(who_->node_id) + " at " : "";
    report(fail(why.code, "refused " + who + address_ + ": " + why.message));
    out_ = encode_frame({.kind = FrameKind::refused,
                         .code = static_cast<std::uint16_t>(why.code),
                         .verdict = verdict,
                         .body = why.message.substr(0, kMaxRefusalBytes)});
    out_at_ = 0;
    state_ = State::refusing;
    deadline_ms_ = PeerLoop::now_ms() + kLingerMs;
    return true;
}

bool PeerGreeting::step_lingering() {
    for (;;) {
        const transport::IoOutcome got = transport_.read(loop_.scratch().data(), loop_.scratch().size());
        if (got.status == transport::IoStatus::want_read) return wait_for(got.status);
        dropped_bytes_ += got.bytes;
        if (got.status == transport::IoStatus::done && dropped_bytes_ <= kMaxDroppedBytes) continue;
        close();
        return false;
    }
}

void PeerGreeting::hand_over() {
    attach(*transport_.ssl(), nullptr);
    error_code error;
    OpenedLink opened;
    opened.fd = OwnedFd(socket_.release(error));
    opened.transport = std::move(transport_);
    opened.leftover = std::move(leftover_);
    opened.who = *who_;
    opened.purpose = purpose_;
    opened.address = address_;
    opened.dialled = dialled_;
    state_ = State::over;
    report(std::move(opened));
}

void PeerGreeting::report(Result<OpenedLink> outcome, std::uint16_t verdict) {
    if (!done_) return;
    const Done done = std::exchange(done_, nullptr);
    done(std::move(outcome), verdict);
}

void PeerGreeting::close() {
    if (state_ == State::over) return;
    state_ = State::over;
    error_code ignored;
    socket_.close(ignored);
}

void PeerGreeting::abort(const Error& why) {
    close();
    report(fail(why));
}

void PeerGreeting::lost(const std::string& what) {
    const std::string who = expected_ != 0 ? node_name(expected_) + " at " : "";
    abort({ErrorCode::unavailable, who + address_ + ": " + what});
}

void PeerGreeting::tick(std::uint64_t now) {
    if (over() || now < deadline_ms_) return;
    if (state_ == State::connecting) return lost("cannot connect in time");
    lost("no greeting in time");
}

bool PeerGreeting::wait_for(transport::IoStatus status) {
    const bool for_read = status != transport::IoStatus::want_write;
    bool& armed = for_read ? read_armed_ : write_armed_;
    if (armed) return false;
    armed = true;
    socket_.async_wait(for_read ? PeerLoop::Socket::wait_read : PeerLoop::Socket::wait_write,
                       [self = shared_from_this(), for_read](const error_code& error) {
                           (for_read ? self->read_armed_ : self->write_armed_) = false;
                           if (!error && !self->over()) self->run();
                       });
    return false;
}

}  // namespace kontor::peer

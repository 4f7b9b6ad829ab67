#include "client_connection.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>

#include "address.h"
#include "ascii.h"
#include "kontor/base/release.h"
#include "kontor/base/shortage.h"

namespace kontor::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kKeptBytes = 64U << 10U;
// What is left of an answer whose status is known is read this long and this far, for the connection's sake.
constexpr std::uint64_t kDrainMs = 2000;
constexpr std::size_t kDrainBytes = 64U << 10U;

bool may_repeat(const ClientRequest& request) {
    return request.repeatable || request.method == "GET" || request.method == "HEAD";
}

bool has_header(const ClientRequest& request, std::string_view name) {
    for (const Header& header : request.headers)
        if (equal_ignoring_case(header.name, name)) return true;
    return false;
}

// EADDRNOTAVAIL: all local ports are taken; with IPv6 it may also be that this machine has none.
bool is_lack(const error_code& error, const asio::ip::tcp::endpoint& to) {
    if (!error || error.category() != boost::system::system_category()) return false;
    return is_shortage(error.value()) || (error.value() == EADDRNOTAVAIL && to.address().is_v4());
}

void append_request(std::string& out, const ClientCall& call) {
    const ClientRequest& request = call.request;
    out.append(request.method).append(" ").append(call.url.target).append(" HTTP/1.1\r\n");
    if (!has_header(request, "host")) out.append("Host: ").append(call.url.authority()).append("\r\n");
    if (!has_header(request, "user-agent")) out += "User-Agent: Kontor\r\n";
    const bool expects_body =
        request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    if (expects_body || !request.body.empty())
        out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    for (const Header& header : request.headers) {
        if (equal_ignoring_case(header.name, "content-length") ||
            equal_ignoring_case(header.name, "transfer-encoding"))
            continue;
        out.append(header.name).append(": ").append(header.value).append("\r\n");
    }
    out.append("\r\n").append(request.body);
}

}  // namespace

ClientConnection::ClientConnection(ClientWorker& worker, std::string origin)
    : worker_(worker), origin_(std::move(origin)), socket_(worker.context().get_executor()) {}

void ClientConnection::open(CallPointer first_call) {
    call_ = std::move(first_call);
    account_ = call_->request.account;
    resolve();
}

void ClientConnection::resolve() {
    error_code error;
    const auto literal = asio::ip::make_address(call_->url.host, error);
    if (!error) return resolved({Tcp::endpoint(literal, call_->url.port)});
    // Not every machine's name files have it, and nobody else may say what it is (RFC 6761).
    if (call_->url.host == "localhost") {
        return resolved({Tcp::endpoint(asio::ip::address_v4::loopback(), call_->url.port),
                         Tcp::endpoint(asio::ip::address_v6::loopback(), call_->url.port)});
    }
    // A look-up may hang for longer than this connection, its thread and its context live.
    const auto on_found = [weak = weak_from_this(), &context = worker_.context()](
                              const Result<transport::NameLookup::Addresses>& found) {
        asio::post(context, [weak, found] {
            const auto self = weak.lock();
            if (self && self->state_ == State::connecting) self->looked_up(found);
        });
    };
    worker_.names().look_up(call_->url.host, call_->request.account, call_->deadline_ms, on_found);
}

void ClientConnection::looked_up(const Result<transport::NameLookup::Addresses>& found) {
    if (!found) return shut(found.error());
    std::vector<Tcp::endpoint> endpoints;
    for (const auto& address : *found) endpoints.emplace_back(address, call_->url.port);
    resolved(std::move(endpoints));
}

void ClientConnection::resolved(std::vector<Tcp::endpoint> endpoints) {
    if (!worker_.options().allow_private_addresses) {
        // One private address among public ones is refused too: the name is not to be trusted. The checked
        // addresses are the ones that are connected, so that a second look-up cannot answer differently.
        if (has_private_address(endpoints))
            return shut({ErrorCode::permission_denied, call_->url.host + " has a private address"});
    }
    endpoints_ = std::move(endpoints);
    connect_next("no address");
}

void ClientConnection::connect_next(const std::string& last_error) {
    if (next_endpoint_ == endpoints_.size())
        return shut({ErrorCode::unavailable, "cannot connect to " + origin_ + ": " + last_error});
    error_code error;
    socket_.close(error);
    // An address that does not answer leaves time for the others.
    const std::uint64_t now = ClientWorker::now_ms();
    const std::uint64_t left = call_->deadline_ms > now ? call_->deadline_ms - now : 0;
    connect_until_ms_ = now + left / (endpoints_.size() - next_endpoint_);
    const Tcp::endpoint& to = endpoints_[next_endpoint_++];
    socket_.open(to.protocol(), error);
    if (is_lack(error, to)) return lack(error.message());
    if (error) return connect_next(error.message());
    const int ceiling = worker_.options().max_descriptor;
    if (ceiling != 0 && socket_.native_handle() >= ceiling) return lack("too many open files");
    socket_.async_connect(to, [self = shared_from_this(), to](const error_code& failed) {
        if (self->state_ == State::closed) return;
        if (is_lack(failed, to)) return self->lack(failed.message());
        if (failed) return self->connect_next(failed.message());
        self->connected();
    });
}

void ClientConnection::lack(const std::string& what) {
    shut({ErrorCode::overloaded, "no room here for a connection to " + origin_ + ": " + what});
    worker_.close_idle();
}

void ClientConnection::connected() {
    error_code error;
    socket_.non_blocking(true, error);
    if (!error) socket_.set_option(Tcp::no_delay(true), error);
    if (error) return shut({ErrorCode::unavailable, "cannot connect to " + origin_ + ": " + error.message()});
    if (call_->url.https) {
        auto transport =
            transport::ByteStream::tls_client(worker_.tls(), socket_.native_handle(), call_->url.host);
        if (!transport) return shut(std::move(transport).error());
        transport_ = *std::move(transport);
    } else {
        transport_ = transport::ByteStream::plain(socket_.native_handle());
    }
    state_ = State::handshake;
    run();
}

void ClientConnection::perform(CallPointer call) {
    reused_ = true;
    call_ = std::move(call);
    account_ = call_->request.account;
    begin_exchange();
    run();
}

void ClientConnection::begin_exchange() {
    sent_ = false;
    out_.clear();
    out_at_ = 0;
    append_request(out_, *call_);
    carry_.clear();
    const ClientRequest& request = call_->request;
    reader_.emplace(request.method == "HEAD",
                    request.status_only ? kDrainBytes : worker_.options().max_response_bytes);
    state_ = State::sending;
}

void ClientConnection::run() {
    if (running_) return;
    running_ = true;
    while (step()) {
    }
    running_ = false;
}

bool ClientConnection::step() {
    switch (state_) {
        case State::handshake: {
            const transport::IoStatus status = transport_.handshake();
            if (status == transport::IoStatus::done) {
                begin_exchange();
                return true;
            }
            if (status == transport::IoStatus::want_read || status == transport::IoStatus::want_write)
                return wait_for(status);
            shut({ErrorCode::unavailable, "TLS with " + origin_ + " failed: " + transport_.failure()});
            return false;
        }
        case State::sending:
            return step_sending();
        case State::receiving:
            return step_receiving();
        case State::idle:
            if (still_usable()) return wait_for(transport::IoStatus::want_read);
            close();
            return false;
        case State::connecting:
        case State::closed:
            return false;
    }
    return false;
}

bool ClientConnection::step_sending() {
    while (out_at_ < out_.size()) {
        const transport::IoOutcome sent = transport_.write(std::string_view(out_).substr(out_at_));
        if (sent.status == transport::IoStatus::done) {
            sent_ = true;
            out_at_ += sent.bytes;
            continue;
        }
        if (sent.status == transport::IoStatus::want_read) return wait_for(transport::IoStatus::want_read);
        // The server may have answered before it read everything (413), and may have closed.
        sent_ = sent_ || sent.status != transport::IoStatus::want_write;
        const transport::IoOutcome early =
            transport_.read(worker_.scratch().data(), worker_.scratch().size());
        if (early.status == transport::IoStatus::done) {
            reusable_ = false;
            carry_.append(worker_.scratch().data(), early.bytes);
            state_ = State::receiving;
            if (!feed()) return true;
            complete();
            return false;
        }
        if (sent.status != transport::IoStatus::want_write ||
            early.status != transport::IoStatus::want_read) {
            fail_exchange("connection lost while sending");
            return false;
        }
        wait(true);
        wait(false);
        return false;
    }
    state_ = State::receiving;
    if (out_.capacity() > kKeptBytes) release(out_);
    return transport_.has_buffered() ? true : wait_for(transport::IoStatus::want_read);
}

bool ClientConnection::step_receiving() {
    std::vector<char>& scratch = worker_.scratch();
    const transport::IoOutcome got = transport_.read(scratch.data(), scratch.size());
    if (got.status == transport::IoStatus::want_read || got.status == transport::IoStatus::want_write)
        return wait_for(got.status);
    if (got.status != transport::IoStatus::done) {
        peer_closed(got.status == transport::IoStatus::closed);
        return false;
    }
    carry_.append(scratch.data(), got.bytes);
    if (!feed()) return state_ == State::receiving;
    complete();
    return false;
}

// True when the response is complete. On bad bytes the call has failed and the connection is closed.
bool ClientConnection::feed() {
    const auto used = reader_->put(carry_);
    const auto self = shared_from_this();
    if (call_ && call_->request.status_only && reader_->has_head()) tell_status();
    if (!used) {
        shut({used.error().code, origin_ + ": " + used.error().message});
        return false;
    }
    carry_.erase(0, *used);
    return reader_->is_complete();
}

// The caller is done; the rest of the answer is read for a moment, so that the connection can be used again.
void ClientConnection::tell_status() {
    drain_until_ms_ = ClientWorker::now_ms() + kDrainMs;
    ClientResponse response;
    response.status = reader_->status();
    response.headers = std::move(reader_->headers());
    const CallPointer call = std::move(call_);
    call->finish(std::move(response));
}

void ClientConnection::peer_closed(bool clean) {
    reusable_ = false;
    if (is_draining()) return close();
    if (clean && reader_->has_begun() && reader_->put_end()) return complete();
    const bool nothing_came = !reader_->has_begun();
    if (reused_ && nothing_came && may_repeat(call_->request) && !call_->retried) {
        // The server closed an idle connection while the request was under way.
        CallPointer again = std::move(call_);
        again->retried = true;
        const auto self = shared_from_this();
        close();
        worker_.start_call(std::move(again));
        return;
    }
    fail_exchange(nothing_came ? "connection closed before an answer"
                               : "connection closed within the answer");
}

void ClientConnection::complete() {
    const bool keep = reusable_ && carry_.empty() && reader_->keeps_alive() && state_ == State::receiving;
    ClientResponse response;
    response.status = reader_->status();
    response.headers = std::move(reader_->headers());
    response.body = std::move(reader_->body());
    const CallPointer call = std::move(call_);
    const auto self = shared_from_this();
    reader_.reset();
    if (keep) {
        state_ = State::idle;
        idle_since_ms_ = ClientWorker::now_ms();
        wait(true);  // to notice when the server closes it; the next response needs the wait anyway
        worker_.connection_idle(self);
    } else {
        (void)transport_.shutdown();
        close();
    }
    if (call) call->finish(std::move(response));
}

void ClientConnection::fail_exchange(const std::string& why) {
    shut({sent_ ? ErrorCode::io : ErrorCode::unavailable, origin_ + ": " + why});
}

void ClientConnection::shut(Error why) {
    const CallPointer call = std::move(call_);
    close();
    if (call) call->finish(fail(std::move(why)));
}

void ClientConnection::close() {
    if (state_ == State::closed) return;
    const bool was_busy = !is_idle();
    state_ = State::closed;
    transport_ = transport::ByteStream();
    error_code ignored;
    socket_.close(ignored);
    worker_.connection_closed(shared_from_this(), was_busy);
}

bool ClientConnection::still_usable() {
    // TLS 1.3 tickets may wait to be read; any byte of a response nobody asked for makes the connection
    // useless.
    return state_ == State::idle &&
           transport_.read(worker_.scratch().data(), worker_.scratch().size()).status ==
               transport::IoStatus::want_read;
}

void ClientConnection::tick(std::uint64_t now_ms) {
    if (state_ == State::idle) {
        if (now_ms - idle_since_ms_ >= kClientIdleMs) {
            (void)transport_.shutdown();
            close();
        }
        return;
    }
    if (is_draining() && now_ms >= drain_until_ms_) return close();
    if (!call_) return;
    if (now_ms < call_->deadline_ms) {
        if (state_ != State::connecting || next_endpoint_ == 0 || next_endpoint_ == endpoints_.size()) return;
        error_code ignored;
        if (now_ms >= connect_until_ms_) socket_.cancel(ignored);  // and on to the next address
        return;
    }
    if (sent_)
        shut({ErrorCode::timeout, "no answer from " + origin_ + " in time; the outcome is not known"});
    else
        shut({ErrorCode::unavailable, "cannot connect to " + origin_ + " in time"});
}

bool ClientConnection::wait_for(transport::IoStatus status) {
    wait(status == transport::IoStatus::want_read);
    return false;
}

void ClientConnection::wait(bool for_read) {
    bool& armed = for_read ? read_armed_ : write_armed_;
    if (armed) return;
    armed = true;
    socket_.async_wait(for_read ? Socket::wait_read : Socket::wait_write,
                       [self = shared_from_this(), for_read](const error_code& error) {
                           (for_read ? self->read_armed_ : self->write_armed_) = false;
                           if (!error) self->run();
                       });
}

}  // namespace kontor::http

#include "session.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "kontor/base/log.h"
#include "kontor/base/release.h"
#include "kontor/http/client_address.h"
#include "kontor/transport/greeting_peek.h"
#include "worker.h"

namespace kontor::http {
namespace {

using boost::system::error_code;

thread_local Session* handler_session = nullptr;

constexpr std::string_view kUseHttps =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 28\r\nConnection: close\r\n\r\n"
    "This port speaks HTTPS only\n";
// Before other sessions get their turn: pipelined requests, and bytes of one that comes faster than it is
// read.
constexpr unsigned kMaxBurst = 32;
constexpr std::size_t kMaxReadBurst = 128U << 10U;

}  // namespace

Session::Session(Worker& worker, Socket socket, Origin origin)
    : worker_(worker), socket_(std::move(socket)), origin_(std::move(origin)) {}

Session* Session::in_handler() {
    return handler_session;
}

bool Session::answer_inside(std::uint64_t request_no, std::optional<Response>& response) {
    if (request_no != request_no_ || answered_inside_) return false;
    answered_inside_ = true;
    inside_ = std::move(response);
    return true;
}

void Session::start() {
    set_deadline(worker_.limits().handshake_timeout_ms);
    transport::await_greeting(socket_.native_handle());
    wait_read();
}

void Session::run() {
    if (running_ || state_ == State::closed) return;  // a handler that answers at once comes back here
    running_ = true;
    while (step()) {
    }
    running_ = false;
}

bool Session::step() {
    switch (state_) {
        case State::handshake:
            return step_handshake();
        case State::receiving:
            return step_receiving();
        case State::handling:
            return false;
        case State::writing:
            return step_writing();
        case State::streaming:
            return step_streaming();
        case State::closing:
            return step_closing();
        case State::lingering:
            return step_lingering();
        case State::closed:
            return false;
    }
    return false;
}

// Nothing is made for a connection that has not greeted, and no more for one that must wait.
bool Session::begin_handshake() {
    switch (transport::peek_greeting(socket_.native_handle())) {
        case transport::GreetingPeek::not_yet:
            return wait_for(transport::IoStatus::want_read);
        case transport::GreetingPeek::refused:
        case transport::GreetingPeek::closed:
            worker_.counters().tls_failures.fetch_add(1, std::memory_order_relaxed);
            close_now();
            return false;
        case transport::GreetingPeek::good:
            break;
    }
    waits_for_turn_ = !worker_.may_shake_hands(origin_);
    if (waits_for_turn_) return false;  // tick() comes back
    auto transport = transport::ByteStream::tls_server(worker_.tls(), socket_.native_handle());
    if (!transport) {
        close_now();
        return false;
    }
    transport_ = *std::move(transport);
    return true;
}

bool Session::step_handshake() {
    if (transport_.ssl() == nullptr && !begin_handshake()) return false;
    const transport::IoStatus status = transport_.handshake();
    if (!group_paid_)
        group_paid_ = worker_.state().handshakes->pay_group(*transport_.ssl(), origin_.share,
                                                            origin_.is_bound, Worker::now_ms());
    if (status == transport::IoStatus::done) {
        begin_request();
        return true;
    }
    if (status == transport::IoStatus::want_read || status == transport::IoStatus::want_write)
        return wait_for(status);
    worker_.counters().tls_failures.fetch_add(1, std::memory_order_relaxed);
    if (transport_.saw_plain_http())
        (void)::send(socket_.native_handle(), kUseHttps.data(), kUseHttps.size(), MSG_NOSIGNAL);
    begin_close();
    return true;
}

void Session::begin_request() {
    parser_.emplace(worker_.limits());
    state_ = State::receiving;
    phase_ = Phase::idle;
    worker_.waiting().waits(place);
    set_deadline(worker_.limits().idle_timeout_ms);
}

bool Session::step_receiving() {
    std::string_view fresh;
    if (!carry_fresh_) {
        std::vector<char>& scratch = worker_.scratch();
        const transport::IoOutcome got = transport_.read(scratch.data(), scratch.size());
        if (got.status == transport::IoStatus::closed && phase_ == Phase::idle) {
            begin_close();
            return true;
        }
        if (got.status != transport::IoStatus::done) return wait_for(got.status);
        fresh = {scratch.data(), got.bytes};
        read_burst_ += got.bytes;
    }
    carry_fresh_ = false;
    if (phase_ == Phase::idle) {
        phase_ = Phase::head;
        set_deadline(worker_.limits().header_timeout_ms);
    }
    if (carry_.empty()) {
        // The usual case: the whole request is in the scratch buffer and is parsed there.
        carry_.assign(fresh.substr(parser_->feed(fresh)));
    } else {
        carry_.append(fresh);
        carry_.erase(0, parser_->feed(carry_));
    }
    after_feed();
    return state_ != State::receiving || read_burst_ < kMaxReadBurst || let_others();
}

bool Session::let_others() {
    burst_ = 0;
    read_burst_ = 0;
    boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->run(); });
    return false;
}

void Session::after_feed() {
    if (parser_->failure_status() != 0) {
        // A body has no limit where there is no page for it: the head decides before the length does.
        const bool is_unasked = parser_->failure_status() == 413 && phase_ != Phase::body;
        if (is_unasked && parser_->head_done() && !admit_head()) return;
        return refuse_request(parser_->failure_status(), parser_->failure_message());
    }
    if (parser_->complete()) {
        carry_fresh_ = !carry_.empty();
        return dispatch();
    }
    if (!parser_->head_done() || phase_ == Phase::body) return;
    phase_ = Phase::body;
    set_deadline(worker_.limits().body_timeout_ms);
    if (!admit_body()) return;
    if (!parser_->wants_continue() || !parser_->request().body.empty()) return;
    out_ = "HTTP/1.1 100 Continue\r\n\r\n";
    out_at_ = 0;
    state_ = State::writing;
    after_write_ = AfterWrite::receive_more;
}

std::string Session::client_ip(const std::vector<Header>& headers) const {
    const AddressRanges* const proxies = worker_.trusted_proxies();  // may be others than when it came
    if (origin_.is_bound || proxies == nullptr || !proxies->contains(origin_.ip)) return origin_.ip;
    return client_address(origin_.ip, headers, *proxies);
}

std::optional<Admission> Session::admit_head() {
    const ServerState& state = worker_.state();
    Admission admission;
    if (state.options.admit) {
        Request head = parser_->head();
        head.peer_ip = client_ip(head.headers);
        head.is_head = head.method == "HEAD";
        if (head.is_head) head.method = "GET";
        admission = state.options.admit(head);
    }
    if (!admission.refusal) return admission;
    worker_.counters().bad_requests.fetch_add(1, std::memory_order_relaxed);
    keep_alive_ = false;
    http11_ = parser_->http11();
    head_only_ = parser_->request().method == "HEAD";
    respond(std::move(admission.refusal));
    return std::nullopt;
}

bool Session::admit_body() {
    const auto admission = admit_head();
    if (!admission) return false;
    const std::size_t most = std::min(admission->max_body_bytes, worker_.limits().max_body_bytes);
    const auto length = parser_->content_length();
    if (length && *length > most) {
        refuse_request(413, "the body is too large");
        return false;
    }
    parser_->body_limit(most);
    ByteClaim claim{admission->account, origin_.is_bound ? origin_.share : std::string(),
                    length ? static_cast<std::size_t>(*length) : most};
    const auto verdict = worker_.state().requests->take(claim);
    if (verdict != ByteBudget::Verdict::taken) {
        refuse_request(verdict == ByteBudget::Verdict::full ? 503 : 429,
                       "too many large requests at once; try again shortly");
        return false;
    }
    body_claim_ = std::move(claim);
    if (admission->account != 0) WaitingList::works(place);  // a stranger's still makes room
    return true;
}

void Session::dispatch() {
    worker_.counters().requests.fetch_add(1, std::memory_order_relaxed);
    state_ = State::handling;
    WaitingList::works(place);
    set_deadline(worker_.limits().response_timeout_ms);
    ++request_no_;
    keep_alive_ = parser_->keep_alive();
    http11_ = parser_->http11();
    Request request = parser_->take();
    request.is_from_proxy = !origin_.is_bound;
    request.is_http10 = !http11_;
    request.peer_ip = client_ip(request.headers);
    head_only_ = request.method == "HEAD";
    is_get_ = head_only_ || request.method == "GET";
    // RFC 9110 9.3.2: the same answer without its body. Who answers GET need not know.
    request.is_head = head_only_;
    if (head_only_) request.method = "GET";

    answered_inside_ = false;
    Session* const outer = handler_session;
    handler_session = this;
    const auto ticket = std::make_shared<Ticket>(worker_.inbox(), weak_from_this(), request_no_);
    try {
        worker_.state().options.handler(std::move(request),
                                        [ticket](Response response) { ticket->answer(std::move(response)); });
    } catch (const std::exception& e) {
        worker_.state().log_limited(Worker::now_ms(), std::string("handler threw: ") + e.what());
        ticket->answer(std::nullopt);
    } catch (...) {
        worker_.state().log_limited(Worker::now_ms(), "handler threw something that is no std::exception");
        ticket->answer(std::nullopt);
    }
    handler_session = outer;
    if (answered_inside_) respond(std::move(inside_));
}

void Session::deliver(std::uint64_t request_no, std::optional<Response> response) {
    if (state_ != State::handling || request_no != request_no_)
        return;  // too late: answered with 503, or closed
    respond(std::move(response));
    run();
}

void Session::stream_ready() {
    if (state_ == State::streaming) run();
}

void Session::tick(std::uint64_t now_ms) {
    if (deadline_ms_ == 0) return;
    if (now_ms < deadline_ms_) {
        if (waits_for_turn_) run();
        return;
    }
    switch (state_) {
        case State::receiving:
            if (phase_ == Phase::idle)
                begin_close();
            else
                refuse_request(408, "the request did not arrive in time");
            break;
        case State::handling:
            ++request_no_;  // an answer that comes now is too late
            worker_.state().log_limited(now_ms, "a handler did not answer in time");
            respond_error(503, "no answer in time; the outcome is not known");
            break;
        case State::handshake:
            worker_.counters().tls_failures.fetch_add(1, std::memory_order_relaxed);
            return close_now();
        default:
            return close_now();
    }
    run();
}

void Session::drain() {
    leaving_ = true;
    switch (state_) {
        case State::handshake:
            return close_now();
        case State::receiving:
            if (phase_ != Phase::idle) return;
            begin_close();
            return run();
        case State::streaming:
            stream_->close();
            return run();
        default:
            return;  // the answer carries "Connection: close", or is on its way already
    }
}

void Session::abort() {
    close_now();
}

void Session::make_room() {
    if (transport_.ssl() != nullptr && state_ != State::handshake) (void)transport_.shutdown();
    close_now();
}

bool Session::step_closing() {
    const transport::IoStatus status = transport_.shutdown();
    if (status == transport::IoStatus::want_read || status == transport::IoStatus::want_write)
        return wait_for(status);
    ::shutdown(socket_.native_handle(), SHUT_WR);
    state_ = State::lingering;
    dropped_bytes_ = 0;
    return true;
}

// Closing a socket with unread bytes resets the connection, and the peer may lose the answer that it has not
// read yet. So what still comes is read and dropped until the peer closes too, within bounds.
bool Session::step_lingering() {
    std::vector<char>& scratch = worker_.scratch();
    const ssize_t n = ::recv(socket_.native_handle(), scratch.data(), scratch.size(), 0);
    if (n > 0) {
        dropped_bytes_ += static_cast<std::size_t>(n);
        if (dropped_bytes_ <= kMaxLingerBytes) return true;
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return wait_for(transport::IoStatus::want_read);
    } else if (n < 0 && errno == EINTR) {
        return true;
    }
    close_now();
    return false;
}

void Session::begin_close() {
    state_ = State::closing;
    worker_.waiting().waits(place);
    parser_.reset();
    release(carry_);
    carry_fresh_ = false;
    set_deadline(worker_.state().draining.load(std::memory_order_relaxed) ? kDrainLingerMs : kLingerMs);
}

void Session::close_now() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    if (stream_) stream_->detach();
    stream_.reset();
    on_stream_ = nullptr;
    transport_ = transport::ByteStream();
    worker_.state().requests->give_back(body_claim_);
    worker_.state().answers->give_back(answer_claim_);
    error_code ignored;
    socket_.close(ignored);
    worker_.remove(*this);
}

void Session::wait_read() {
    if (read_armed_) return;
    read_armed_ = true;
    socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
        self->read_armed_ = false;
        if (!error) self->run();
    });
}

void Session::wait_write() {
    if (write_armed_) return;
    write_armed_ = true;
    socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& error) {
        self->write_armed_ = false;
        if (!error) self->run();
    });
}

bool Session::wait_for(transport::IoStatus status) {
    burst_ = 0;
    read_burst_ = 0;
    if (status == transport::IoStatus::want_read)
        wait_read();
    else if (status == transport::IoStatus::want_write)
        wait_write();
    else
        close_now();
    return false;
}

void Session::set_deadline(std::uint64_t in_ms) {
    deadline_ms_ = Worker::now_ms() + in_ms;
}

bool Session::after_write() {
    switch (after_write_) {
        case AfterWrite::receive_more:
            state_ = State::receiving;
            set_deadline(worker_.limits().body_timeout_ms);
            return true;
        case AfterWrite::stream:
            start_stream();
            return true;
        case AfterWrite::close:
            begin_close();
            return true;
        case AfterWrite::next_request:
            break;
    }
    if (leaving_) {
        begin_close();
        return true;
    }
    begin_request();
    if (carry_fresh_ || transport_.has_buffered()) {
        return ++burst_ < kMaxBurst || let_others();
    }
    // Nothing can be there yet in the usual case: waiting at once saves a recv(2) that finds nothing.
    return wait_for(transport::IoStatus::want_read);
}

}  // namespace kontor::http

// The answering half of Session: responses and streams.

#include <charconv>

#include "kontor/base/log.h"
#include "kontor/base/release.h"
#include "kontor/json/error_object.h"
#include "response_head.h"
#include "session.h"
#include "worker.h"

namespace kontor::http {
namespace {

constexpr std::size_t kFirstWriteBytes = 16U << 10U;  // one TLS record: head and a small body leave together
constexpr std::size_t kKeptBytes = 64U << 10U;        // larger buffers are given back after the response
constexpr std::size_t kHeldBytes = 256U << 10U;       // a larger answer counts before it is begun
constexpr std::size_t kMaxUnreadBytes = 64U << 10U;   // from a peer that talks while it listens to a stream

bool is_answer(int status) {
    return status >= 200 && status <= 599;
}

}  // namespace

void Session::respond(std::optional<Response> response) {
    if (response && response->prepare && !prepare(*response)) response.reset();
    if (!response) return respond_error(500, "an internal error occurred");
    if (!is_answer(response->status)) {
        worker_.state().log_limited(Worker::now_ms(),
                                    "a handler answered with status " + std::to_string(response->status));
        return respond_error(500, "an internal error occurred");
    }
    if (!refuse_large(*response)) write_response(*response);
}

// A client that reads at once does not take a large answer at once either. Where there is no room for it, it
// hears so instead of half of it.
bool Session::refuse_large(const Response& response) {
    answer_account_ = response.account;
    const std::size_t bytes = response.body.size();
    if (head_only_ || bytes <= kHeldBytes || claim_answer(bytes)) return false;
    const std::size_t most = worker_.limits().max_answer_bytes / 2;
    if (is_get_ && bytes > most)
        respond_error(400, "this answer has " + std::to_string(bytes) + " bytes, and one client may have " +
                               std::to_string(most) + " under way here: ask for fewer objects at a time");
    else
        respond_error(is_get_ ? 429 : 503,
                      is_get_
                          ? "too many large answers are under way: wait, or ask for fewer objects at a time"
                          : "there is no room for this answer; what it would have said is not known");
    return true;
}

bool Session::prepare(Response& response) {
    const auto fill_in = std::move(response.prepare);
    response.prepare = nullptr;
    try {
        fill_in(response);
        return true;
    } catch (const std::exception& e) {
        worker_.state().log_limited(Worker::now_ms(), std::string("preparing a response threw: ") + e.what());
        return false;
    }
}

void Session::respond_error(int status, std::string_view message) {
    Response response;
    response.status = status;
    response.headers.push_back({"Content-Type", "application/json"});
    if (status == 503 || status == 429) response.headers.push_back({"Retry-After", "1"});
    response.body = error_json(status, message);
    write_response(response);
}

// After bad input the stream of bytes means nothing any more: answer and close.
void Session::refuse_request(int status, std::string_view message) {
    worker_.counters().bad_requests.fetch_add(1, std::memory_order_relaxed);
    keep_alive_ = false;
    http11_ = true;
    head_only_ = parser_ && parser_->request().method == "HEAD";
    respond_error(status, message);
}

void Session::write_response(Response& response) {
    const ServerState& state = worker_.state();
    state.requests->give_back(body_claim_);
    if (state.draining.load(std::memory_order_relaxed) ||
        state.telling_to_close.load(std::memory_order_relaxed))
        keep_alive_ = false;
    const bool bodyless = status_without_body(response.status);
    const bool stream = response.on_stream && !bodyless;
    if (stream && !http11_) keep_alive_ = false;  // the end of the connection is the end of the body
    body_ = std::move(response.body);
    answer_account_ = response.account;
    const std::string_view body =
        response.static_body.empty() ? std::string_view(body_) : response.static_body;

    HeadOptions head;
    head.http11 = http11_;
    head.keep_alive = keep_alive_;
    head.chunked = stream && http11_;
    if (!stream && !bodyless) head.content_length = body.size();
    head.date = worker_.date();
    out_.clear();
    out_at_ = 0;
    append_head(out_, response, head);
    rest_ = {};
    if (!head_only_ && !stream && !bodyless) {
        const std::size_t first =
            out_.size() < kFirstWriteBytes ? std::min(body.size(), kFirstWriteBytes - out_.size()) : 0;
        out_.append(body.substr(0, first));
        rest_ = body.substr(first);
    }
    after_write_ = keep_alive_ ? AfterWrite::next_request : AfterWrite::close;
    if (stream && !head_only_) {
        on_stream_ = std::move(response.on_stream);
        after_write_ = AfterWrite::stream;
    }
    state_ = State::writing;
    set_deadline(worker_.limits().write_timeout_ms);
}

bool Session::step_writing() {
    for (;;) {
        const bool first = out_at_ < out_.size();
        const std::string_view piece = first ? std::string_view(out_).substr(out_at_) : rest_;
        if (piece.empty()) break;
        const transport::IoOutcome sent = transport_.write(piece);
        if (sent.status != transport::IoStatus::done) {
            if (!hold_answer()) return false;
            return wait_for(sent.status);
        }
        if (first)
            out_at_ += sent.bytes;
        else
            rest_.remove_prefix(sent.bytes);
        if (sent.bytes < piece.size()) set_deadline(worker_.limits().write_timeout_ms);
    }
    worker_.state().answers->give_back(answer_claim_);
    out_.clear();
    if (out_.capacity() > kKeptBytes) release(out_);
    if (body_.capacity() > kKeptBytes) release(body_);
    out_at_ = 0;
    return after_write();
}

// The client does not take its answer: from now on it counts, and the session may have to make room.
bool Session::hold_answer() {
    if (!WaitingList::is_waiting(place)) worker_.waiting().waits(place);
    if (answer_claim_.bytes != 0 || claim_answer(out_.size() + body_.size())) return true;
    close_now();
    return false;
}

bool Session::claim_answer(std::size_t bytes) {
    ByteClaim claim{answer_account_, origin_.is_bound ? origin_.share : std::string(), bytes};
    if (worker_.state().answers->take(claim) != ByteBudget::Verdict::taken) {
        worker_.state().log_limited(Worker::now_ms(), "too many answers wait for slow readers");
        return false;
    }
    answer_claim_ = std::move(claim);
    return true;
}

void Session::start_stream() {
    state_ = State::streaming;
    WaitingList::works(place);
    deadline_ms_ = 0;
    dropped_bytes_ = carry_.size();
    stream_ = std::make_shared<StreamQueue>(worker_.inbox(), weak_from_this());
    const auto on_stream = std::move(on_stream_);
    on_stream_ = nullptr;
    const auto handle = std::make_shared<StreamHandle>(stream_);
    if (worker_.state().draining.load(std::memory_order_relaxed)) stream_->close();
    try {
        on_stream(handle);
    } catch (const std::exception& e) {
        worker_.state().log_limited(Worker::now_ms(), std::string("on_stream threw: ") + e.what());
        stream_->close();
    }
}

// A listening client says nothing; reading is how its end is noticed.
bool Session::check_stream_peer() {
    if (read_armed_) return true;
    std::vector<char>& scratch = worker_.scratch();
    for (;;) {
        const transport::IoOutcome got = transport_.read(scratch.data(), scratch.size());
        if (got.status != transport::IoStatus::done) {
            (void)wait_for(got.status == transport::IoStatus::closed ? transport::IoStatus::failed
                                                                     : got.status);
            return state_ != State::closed;
        }
        dropped_bytes_ += got.bytes;
        if (dropped_bytes_ > kMaxUnreadBytes) {
            close_now();
            return false;
        }
    }
}

bool Session::step_streaming() {
    if (!check_stream_peer()) return false;
    if (stream_->overrun()) {  // also while a write waits for that slow client
        close_now();
        return false;
    }
    if (out_at_ < out_.size()) {
        const transport::IoOutcome sent = transport_.write(std::string_view(out_).substr(out_at_));
        if (sent.status != transport::IoStatus::done) return wait_for(sent.status);
        out_at_ += sent.bytes;
        set_deadline(worker_.limits().write_timeout_ms);
        if (out_at_ < out_.size()) return true;
        release(out_);
        out_at_ = 0;
        deadline_ms_ = 0;  // a quiet stream is fine
        stream_->written();
        return true;
    }
    std::string bytes;
    switch (stream_->take(bytes)) {
        case StreamQueue::Next::nothing:
            return false;
        case StreamQueue::Next::cut:
            close_now();
            return false;
        case StreamQueue::Next::bytes: {
            if (http11_) {
                char size[20];
                const auto end = std::to_chars(size, size + sizeof(size), bytes.size(), 16).ptr;
                out_.assign(size, end).append("\r\n").append(bytes).append("\r\n");
            } else {
                out_ = std::move(bytes);
            }
            set_deadline(worker_.limits().write_timeout_ms);
            return true;
        }
        case StreamQueue::Next::end:
            break;
    }
    stream_->detach();
    stream_.reset();
    out_ = http11_ ? "0\r\n\r\n" : "";
    // What the peer sent meanwhile was dropped, so a next request could not be told from the rest of one.
    const bool close =
        !keep_alive_ || dropped_bytes_ > 0 || worker_.state().draining.load(std::memory_order_relaxed);
    after_write_ = close ? AfterWrite::close : AfterWrite::next_request;
    state_ = State::writing;
    set_deadline(worker_.limits().write_timeout_ms);
    return true;
}

}  // namespace kontor::http

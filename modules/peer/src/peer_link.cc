#include "peer_link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "kontor/base/release.h"

namespace kontor::peer {
namespace {

constexpr std::size_t kRecordBytes = 16U << 10U;  // the most that TLS puts into one record
constexpr std::uint64_t kSilentRoundTrips = 8;    // what others send may fill a slow line for a while
constexpr std::uint64_t kLateTickMs = 100;
constexpr std::uint64_t kBulkPingMs = 1'000;  // where only the others are watched closely

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
    if (fd_ >= 0 && fd_ != other.fd_) ::close(fd_);
    fd_ = other.release();
    return *this;
}

OwnedFd::~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
}

PeerLink::PeerLink(PeerLoop& loop, Owner& owner, OpenedLink opened, const PeerLimits& limits,
                   std::shared_ptr<PeerMeter> meter)
    : loop_(loop),
      owner_(&owner),
      socket_(loop.context().get_executor()),
      transport_(std::move(opened.transport)),
      leftover_(std::move(opened.leftover)),
      who_(std::move(opened.who)),
      purpose_(opened.purpose),
      address_(std::move(opened.address)),
      dialled_(opened.dialled),
      limits_(limits),
      meter_(std::move(meter)),
      parser_(max_body()) {
    sockaddr_storage own{};
    socklen_t size = sizeof(own);
    (void)::getsockname(opened.fd.get(), reinterpret_cast<sockaddr*>(&own), &size);
    boost::system::error_code error;
    socket_.assign(own.ss_family == AF_INET6 ? PeerLoop::Tcp::v6() : PeerLoop::Tcp::v4(), opened.fd.get(),
                   error);
    if (error) {
        closed_ = true;
    } else {
        opened.fd.release();
        socket_.non_blocking(true, error);
    }
    opened_ms_ = last_in_ms_ = last_out_ms_ = last_ping_ms_ = PeerLoop::now_ms();
}

std::size_t PeerLink::max_body() const {
    return purpose_ == Purpose::anonymous ? kMaxAnonymousBytes : limits_.max_frame_bytes;
}

void PeerLink::start() {
    const auto self = shared_from_this();
    if (closed_) {
        closed_ = false;
        return shut({ErrorCode::io, "the connection could not be handed over"}, false);
    }
    // The first round-trip time at once, not after the first interval.
    push({.kind = FrameKind::ping, .id = PeerLoop::now_us(), .body = {}});
    if (!leftover_.empty()) {
        running_ = true;
        const std::string bytes = std::move(leftover_);
        feed(bytes);
        running_ = false;
    }
    run();
}

void PeerLink::push(Frame frame) {
    if (closed_) return;
    if (queued_->load() == 0) last_out_ms_ = PeerLoop::now_ms();
    queued_->fetch_add(encoded_bytes(frame));
    queue_.push_back(std::move(frame));
}

void PeerLink::answer(Frame frame) {
    if (open_calls > 0) --open_calls;
    if (queued_->load() + frame.body.size() > max_queued_bytes()) {
        // Not `overloaded`: the caller would take it that nothing was done, and ask again.
        if (frame.kind == FrameKind::answer) frame.code = static_cast<std::uint16_t>(ErrorCode::io);
        frame.kind = FrameKind::failure;
        frame.body = "the answer could not be sent: too many wait for the connection";
    }
    push(std::move(frame));
}

void PeerLink::run() {
    if (running_ || closed_) return;
    const auto self = shared_from_this();
    running_ = true;
    bool read_more = false, write_more = false;
    try {
        read_more = read_turn();
        write_more = !closed_ && write_turn();
    } catch (const std::exception& e) {  // memory; callbacks are guarded
        shut({ErrorCode::internal, std::string("exception: ") + e.what()}, false);
    }
    running_ = false;
    if (closed_ || again_posted_ || (!read_more && !write_more)) return;
    again_posted_ = true;
    loop_.post([self] {
        self->again_posted_ = false;
        self->run();
    });
}

bool PeerLink::read_turn() {
    std::size_t turn = 0;
    while (!closed_ && turn < kTurnBytes) {
        if (paused()) return false;  // writing goes on, and a turn after it reads again
        const transport::IoOutcome got = transport_.read(loop_.scratch().data(), loop_.scratch().size());
        if (got.status == transport::IoStatus::done) {
            turn += got.bytes;
            last_in_ms_ = PeerLoop::now_ms();
            meter_->bytes_in.fetch_add(got.bytes, std::memory_order_relaxed);
            feed({loop_.scratch().data(), got.bytes});
            continue;
        }
        if (got.status == transport::IoStatus::closed) {
            shut({ErrorCode::io, "closed by the other side"}, false);
        } else if (got.status == transport::IoStatus::failed) {
            shut({ErrorCode::io, "connection lost: " + transport_.failure()}, false);
        } else {
            wait_for(got.status);
        }
        return false;
    }
    return !closed_;
}

void PeerLink::feed(std::string_view bytes) {
    while (!bytes.empty() && !closed_) {
        const auto whole = parser_.take(bytes);
        if (!whole) return shut(whole.error(), true);
        if (*whole) take(parser_.frame());
    }
}

void PeerLink::take(Frame& frame) {
    switch (frame.kind) {
        case FrameKind::ping:
            return push({.kind = FrameKind::pong, .id = frame.id, .body = {}});
        case FrameKind::pong: {
            const std::uint64_t now = PeerLoop::now_us();
            rtt_us_ = std::max<std::uint64_t>(1, now > frame.id ? now - frame.id : 0);
            long_rtt_us_ = std::max(rtt_us_, long_rtt_us_ / 8 * 7);
            return;
        }
        case FrameKind::refused:
            return shut({error_code_of(frame.code), "refused by the other side: " + frame.body}, false);
        case FrameKind::hello:
            return shut({ErrorCode::corruption, "a second hello"}, true);
        case FrameKind::message:
        case FrameKind::call:
        case FrameKind::answer:
        case FrameKind::failure:
            owner_->on_frame(*this, frame);
    }
}

// Bytes to write next. The same bytes again until written() was told about some: TLS needs it so.
std::string_view PeerLink::next_bytes() {
    if (stage_at_ < stage_.size()) return std::string_view(stage_).substr(stage_at_);
    stage_.clear();
    stage_at_ = 0;
    if (body_.size() - body_at_ >= kRecordBytes) return std::string_view(body_).substr(body_at_);
    for (;;) {
        const std::size_t n = std::min(kRecordBytes - stage_.size(), body_.size() - body_at_);
        stage_.append(body_, body_at_, n);
        body_at_ += n;
        if (body_at_ < body_.size() || queue_.empty() || stage_.size() + kMaxFrameHeadBytes > kRecordBytes)
            return stage_;
        std::array<char, kMaxFrameHeadBytes> head{};
        stage_.append(head.data(), encode_head(queue_.front(), head));
        body_ = std::move(queue_.front().body);
        body_at_ = 0;
        queue_.pop_front();
    }
}

void PeerLink::written(std::size_t n) {
    queued_->fetch_sub(n);
    meter_->bytes_out.fetch_add(n, std::memory_order_relaxed);
    last_out_ms_ = PeerLoop::now_ms();
    if (stage_at_ < stage_.size())
        stage_at_ += n;
    else
        body_at_ += n;
}

bool PeerLink::write_turn() {
    const bool was_paused = paused();
    std::size_t turn = 0;
    while (turn < kTurnBytes) {
        const std::string_view bytes = next_bytes();
        if (bytes.empty()) {
            if (body_.capacity() > kTurnBytes) {
                release(body_);
                body_at_ = 0;
            }
            return was_paused;
        }
        const transport::IoOutcome out = transport_.write(bytes);
        if (out.status == transport::IoStatus::done) {
            turn += out.bytes;
            written(out.bytes);
            continue;
        }
        if (out.status == transport::IoStatus::closed || out.status == transport::IoStatus::failed)
            shut({ErrorCode::io, "connection lost: " + transport_.failure()}, false);
        else
            wait_for(out.status);
        return was_paused && !closed_ && !paused();
    }
    return true;
}

std::uint64_t PeerLink::silence_limit_ms() const {
    if (limits_.silent_after_ms == 0 || is_bulk()) return limits_.dead_after_ms;
    return std::min(limits_.dead_after_ms,
                    limits_.silent_after_ms + kSilentRoundTrips * long_rtt_us_ / 1'000);
}

void PeerLink::tick(std::uint64_t now) {
    if (closed_) return;
    // This thread stood still, so what was sent meanwhile is not read yet: that was no silence.
    if (last_tick_ms_ != 0 && now > last_tick_ms_ + kLateTickMs)
        last_in_ms_ = std::min(now, last_in_ms_ + (now - last_tick_ms_));
    last_tick_ms_ = now;
    const std::string limit = std::to_string(limits_.dead_after_ms) + " ms";
    const bool waits = queued_->load() > 0;
    if (waits && now - last_out_ms_ >= limits_.dead_after_ms && now > last_out_ms_)
        return shut({ErrorCode::io, "the other side has taken nothing for " + limit}, false);
    if (paused()) last_in_ms_ = now;  // it may have said much that we did not read
    if (now > last_in_ms_ && now - last_in_ms_ >= silence_limit_ms())
        return shut({ErrorCode::io,
                     "nothing heard from the other side for " + std::to_string(silence_limit_ms()) + " ms"},
                    false);
    if (purpose_ == Purpose::anonymous && now > opened_ms_ &&
        now - opened_ms_ >= limits_.anonymous_lifetime_ms)
        return shut({ErrorCode::timeout, "a connection without a certificate lives shortly"}, true);
    // What waits is as good as a ping to the other side.
    const std::uint64_t interval = is_bulk() && limits_.silent_after_ms != 0
                                       ? std::max(limits_.ping_interval_ms, kBulkPingMs)
                                       : limits_.ping_interval_ms;
    if (waits || now < last_ping_ms_ + interval) return;
    last_ping_ms_ = now;
    push({.kind = FrameKind::ping, .id = PeerLoop::now_us(), .body = {}});
    run();
}

void PeerLink::shut(const Error& why, bool tell) {
    if (closed_) return;
    closed_ = true;
    const auto self = shared_from_this();
    // Only between two frames, and only what the socket takes at once.
    const bool between = stage_at_ >= stage_.size() && body_at_ >= body_.size();
    if (tell && between) {
        const std::string bytes = encode_frame({.kind = FrameKind::refused,
                                                .code = static_cast<std::uint16_t>(why.code),
                                                .body = why.message.substr(0, kMaxRefusalBytes)});
        (void)transport_.write(bytes);
    }
    (void)transport_.shutdown();
    boost::system::error_code ignored;
    socket_.shutdown(PeerLoop::Socket::shutdown_both, ignored);
    socket_.close(ignored);
    Owner* const owner = std::exchange(owner_, nullptr);
    owner->on_closed(*this, why);
    queue_.clear();
    queued_->store(0);
}

void PeerLink::wait_for(transport::IoStatus status) {
    wait(status != transport::IoStatus::want_write);
}

void PeerLink::wait(bool for_read) {
    bool& armed = for_read ? read_armed_ : write_armed_;
    if (armed) return;
    armed = true;
    socket_.async_wait(for_read ? PeerLoop::Socket::wait_read : PeerLoop::Socket::wait_write,
                       [self = shared_from_this(), for_read](const boost::system::error_code& error) {
                           (for_read ? self->read_armed_ : self->write_armed_) = false;
                           if (!error) self->run();
                       });
}

}  // namespace kontor::peer

#pragma once
// One established connection between two nodes: frames in, frames out, pings, and the decision that it is
// dead. Greeting is over (peer_greeting.h); who owns the link knows what frames mean.
//
// Threading: its loop's thread, but for meter(). Ownership: its owner and pending waits own it.
// Limits: max_queued_bytes of answers: above, an answer becomes `overloaded`, and above half of it no calls
// are read. A turn reads and writes at most kTurnBytes each, so that links of one loop share it.

#include <atomic>
#include <deque>

#include "kontor/peer/peer.h"
#include "kontor/transport/byte_stream.h"
#include "peer_frame.h"
#include "peer_loop.h"

namespace kontor::peer {

inline constexpr std::size_t kTurnBytes = 256U << 10U;

// A file descriptor that is closed when nobody took it.
class OwnedFd {
 public:
    OwnedFd() = default;
    explicit OwnedFd(int fd) : fd_(fd) {}
    OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept;
    ~OwnedFd();
    [[nodiscard]] int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

 private:
    int fd_ = -1;
};

// What a greeting hands over.
struct OpenedLink {
    OwnedFd fd;
    transport::ByteStream transport;
    std::string leftover;  // received after the hello
    PeerIdentity who;
    Purpose purpose = Purpose::messages;
    std::string address;  // of the other side, for the log
    bool dialled = false;
};

// Sums over all connections with one node; any thread.
struct PeerMeter {
    std::atomic<std::uint64_t> bytes_in{0}, bytes_out{0};
};

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
    class Owner {
     public:
        virtual ~Owner() = default;
        virtual void on_frame(PeerLink& link, Frame& frame) = 0;  // message, call, answer, failure
        virtual void on_closed(PeerLink& link, const Error& why) = 0;
    };

    PeerLink(PeerLoop& loop, Owner& owner, OpenedLink opened, const PeerLimits& limits,
             std::shared_ptr<PeerMeter> meter);
    void start();
    void push(Frame frame);    // queued; flush() or the end of this turn writes it
    void answer(Frame frame);  // the same for an answer or failure, within the limit of the queue
    void flush() { run(); }
    void tick(std::uint64_t now_ms);
    // Tells the other side why, where that is possible without waiting, and closes. on_closed() follows.
    void shut(const Error& why, bool tell);

    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] const PeerIdentity& who() const { return who_; }
    [[nodiscard]] Purpose purpose() const { return purpose_; }
    [[nodiscard]] const std::string& address() const { return address_; }
    [[nodiscard]] std::uint64_t opened_ms() const { return opened_ms_; }
    [[nodiscard]] std::uint64_t rtt_us() const { return rtt_us_; }
    // May be read by any thread.
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& queued_bytes() const { return queued_; }
    // After the end: frames of which no byte was given to TLS.
    [[nodiscard]] std::deque<Frame>& unwritten() { return queue_; }
    [[nodiscard]] PeerLoop& loop() { return loop_; }
    std::size_t open_calls = 0;  // received and not answered; the owner's and answer()'s

 private:
    void run();
    [[nodiscard]] bool read_turn();  // true: there is more to do at once
    [[nodiscard]] bool write_turn();
    void feed(std::string_view bytes);
    void take(Frame& frame);
    [[nodiscard]] std::string_view next_bytes();
    void written(std::size_t n);
    [[nodiscard]] bool is_bulk() const {
        return purpose_ == Purpose::bulk_calls || purpose_ == Purpose::anonymous;
    }
    [[nodiscard]] std::uint64_t silence_limit_ms() const;
    void wait_for(transport::IoStatus status);
    void wait(bool for_read);
    [[nodiscard]] bool paused() const { return !dialled_ && queued_->load() > max_queued_bytes() / 2; }
    [[nodiscard]] std::size_t max_body() const;
    [[nodiscard]] std::size_t max_queued_bytes() const {
        return purpose_ == Purpose::anonymous ? kMaxAnonymousQueuedBytes : limits_.max_queued_bytes;
    }

    PeerLoop& loop_;
    Owner* owner_;
    PeerLoop::Socket socket_;
    transport::ByteStream transport_;
    std::string leftover_;
    const PeerIdentity who_;
    const Purpose purpose_;
    const std::string address_;
    const bool dialled_;
    const PeerLimits& limits_;
    std::shared_ptr<PeerMeter> meter_;
    FrameParser parser_;

    std::deque<Frame> queue_;
    std::shared_ptr<std::atomic<std::size_t>> queued_ = std::make_shared<std::atomic<std::size_t>>(0);
    std::string stage_;  // small frames together: one TLS record
    std::size_t stage_at_ = 0;
    std::string body_;  // of the frame that is being written; from body_at_ on it is not in stage_
    std::size_t body_at_ = 0;

    bool running_ = false;
    bool again_posted_ = false;
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool closed_ = false;
    std::uint64_t opened_ms_ = 0;
    std::uint64_t last_in_ms_ = 0;
    std::uint64_t last_out_ms_ = 0;  // progress of writing, or the queue was empty
    std::uint64_t last_ping_ms_ = 0;
    std::uint64_t last_tick_ms_ = 0;
    std::uint64_t rtt_us_ = 0;
    std::uint64_t long_rtt_us_ = 0;  // the longest of the last ones, or so
};

}  // namespace kontor::peer

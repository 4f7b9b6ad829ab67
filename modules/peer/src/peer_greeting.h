#pragma once
// The beginning of a connection, from either side, until both know and accept each other:
//
//     dialler:  resolving -> connecting -> handshake -> sending hello -> reading hello -> handed over
//     listener:                            handshake -> reading hello -> sending hello -> handed over
//     either:   ... -> refusing (the reason goes out) -> lingering (until the other side has read it) -> done
//
// Threading: its loop's thread; the outcome is reported there, once. Ownership: the door's list and pending
// waits own it. Limits: connect_timeout_ms, then handshake_timeout_ms; kMaxHelloBytes.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer_shared.h"

namespace kontor::peer {

class PeerGreeting : public std::enable_shared_from_this<PeerGreeting> {
 public:
    // `verdict`: of the node that was dialled, when it refused; 0 otherwise.
    using Done = std::function<void(Result<OpenedLink>, std::uint16_t verdict)>;

    PeerGreeting(PeerShared& shared, PeerLoop& loop, Done done);
    void dial(std::string address, std::uint64_t node_id, Purpose purpose);
    void accept(PeerLoop::Socket socket, std::string address);
    void tick(std::uint64_t now_ms);
    void abort(const Error& why);
    [[nodiscard]] bool over() const { return state_ == State::over; }
    [[nodiscard]] bool accepted() const { return !dialled_; }

 private:
    enum class State : std::uint8_t {
        connecting,
        handshake,
        sending_hello,
        reading_hello,
        refusing,
        lingering,
        over
    };

    void looked_up(const Result<transport::NameLookup::Addresses>& found, std::uint16_t port);
    void connect_next(const std::string& last_error);
    void lack(const std::string& what);  // here, for now
    void begin_tls();
    void run();
    [[nodiscard]] bool step();  // true: another step follows at once
    [[nodiscard]] bool step_handshake();
    [[nodiscard]] bool step_sending(State next);
    [[nodiscard]] bool step_reading();
    [[nodiscard]] bool step_lingering();
    [[nodiscard]] bool take_hello(Frame& frame);
    [[nodiscard]] std::optional<PeerRefusal> check(const Frame& frame);
    [[nodiscard]] bool send_hello();
    [[nodiscard]] bool refuse(const Error& why, std::uint16_t verdict = 0);
    void hand_over();
    void report(Result<OpenedLink> outcome, std::uint16_t verdict = 0);
    void close();
    [[nodiscard]] bool wait_for(transport::IoStatus status);  // always false
    void lost(const std::string& what);

    PeerShared& shared_;
    PeerLoop& loop_;
    Done done_;
    PeerLoop::Socket socket_;
    std::shared_ptr<const PeerTls> tls_;
    HandshakeCheck check_;
    transport::ByteStream transport_;
    State state_ = State::connecting;
    bool dialled_ = false;
    bool is_looked_at_ = false;  // the greeting of an accepted one
    bool running_ = false;
    bool read_armed_ = false;
    bool write_armed_ = false;
    std::uint64_t deadline_ms_ = 0;
    std::string address_;
    std::uint64_t expected_ = 0;
    Purpose purpose_ = Purpose::messages;
    std::vector<PeerLoop::Tcp::endpoint> endpoints_;
    std::size_t next_endpoint_ = 0;
    Result<PeerIdentity> who_ = fail(ErrorCode::internal, "not known yet");
    FrameParser parser_{kMaxHelloBytes};
    std::string leftover_;
    std::string out_;
    std::size_t out_at_ = 0;
    std::size_t dropped_bytes_ = 0;
};

// "host:port" or "[v6]:port".
[[nodiscard]] Result<std::pair<std::string, std::string>> split_peer_address(const std::string& address);

}  // namespace kontor::peer

#pragma once
// The listener of the peer port, and all greetings under way in both directions. They live on the bulk loop,
// so that strangers' handshakes delay no message.
//
// Threading: listen() before the loop starts; everything else on the bulk loop.
// Limits: max_greetings of accepted connections; above, the oldest is closed: honest ones take milliseconds.

#include <deque>

#include "kontor/transport/handshake_budget.h"
#include "peer_greeting.h"

namespace kontor::peer {

class PeerDoor {
 public:
    // `accepted` gets the links that others dialled.
    PeerDoor(PeerShared& shared, std::function<void(OpenedLink)> accepted);
    [[nodiscard]] Result<std::uint16_t> listen(const std::string& address, std::uint16_t port);
    void start();
    void dial(const std::string& address, std::uint64_t node_id, Purpose purpose, PeerGreeting::Done done);
    void tick(std::uint64_t now_ms);
    void close();

 private:
    void accept();
    void accepted(PeerLoop::Socket socket);
    void close_oldest();

    PeerShared& shared_;
    std::function<void(OpenedLink)> hand_over_;
    transport::HandshakeBudget handshakes_;
    PeerLoop::Acceptor acceptor_;
    PeerLoop::Timer pause_;
    std::deque<std::shared_ptr<PeerGreeting>> accepted_;  // the oldest first
    std::vector<std::shared_ptr<PeerGreeting>> dialled_;
    bool closed_ = false;
};

}  // namespace kontor::peer

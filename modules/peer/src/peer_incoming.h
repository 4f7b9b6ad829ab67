#pragma once
// The links that others dialled, of one loop: their messages and calls go to the callbacks, answers go back.
//
// Threading: its loop's thread. Limits: one message link for each node (a newer one ends the older);
// kMaxCallLinks for each node and lane; max_anonymous_connections; kMaxCallsInFlight for each link.

#include <vector>

#include "peer_shared.h"

namespace kontor::peer {

inline constexpr std::size_t kMaxCallLinks = 4;  // renewal needs two

class PeerIncoming final : public PeerLink::Owner {
 public:
    PeerIncoming(PeerShared& shared, PeerLoop& loop) : shared_(shared), loop_(loop) {}
    void adopt(OpenedLink opened);
    void hang_up(std::uint64_t node_id, const Error& why);
    void tick(std::uint64_t now_ms);
    void close();

    void on_frame(PeerLink& link, Frame& frame) override;
    void on_closed(PeerLink& link, const Error& why) override;

 private:
    void make_room(const OpenedLink& opened);
    void on_call(PeerLink& link, Frame& frame);

    PeerShared& shared_;
    PeerLoop& loop_;
    std::vector<std::shared_ptr<PeerLink>> links_;  // the oldest first
    bool closed_ = false;
};

}  // namespace kontor::peer

// What a stranger's handshake at the peer port may be, and what it costs.

#include <algorithm>

#include "peer_fixture.h"
#include "support/greeting.h"

namespace kontor::peer {
namespace {

TEST_F(PeerTest, ThePortSpeaksTheSameGroupsAsTheServer) {
    PeerNode node(1);
    node.options.limits.handshakes_per_s_per_address = 0;
    node.start();
    const std::uint16_t at = node.net->port();
    for (const char* group : kOffered)
        EXPECT_TRUE(shake_hands(at, {.groups = group, .for_peer = true})) << group;
    for (const char* group : kNotOffered)
        EXPECT_FALSE(shake_hands(at, {.groups = group, .for_peer = true})) << group;
    const std::uint64_t cheapest =
        std::max<std::uint64_t>(20, server_us(at, {.groups = "X25519", .for_peer = true}));
    for (const char* group : kOffered)
        EXPECT_LT(server_us(at, {.groups = group, .for_peer = true}), cheapest * 60) << group;
    node.stop();
}

}  // namespace
}  // namespace kontor::peer

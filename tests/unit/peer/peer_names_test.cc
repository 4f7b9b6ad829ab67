// Names of nodes that hang, and everybody else's links.

#include "peer_fixture.h"
#include "support/environment.h"
#include "support/name_servers.h"

namespace kontor::peer {
namespace {

TEST_F(PeerTest, ANameThatHangsHoldsUpNoOtherNodeAndNotTheEnd) {
    const NameServers servers;
    PeerNode one(1), two(2);
    one.options.look_up = servers.look();
    one.start();
    two.start();
    one.net->set_peers({{2, "quick.example:" + std::to_string(two.net->port())},
                        {3, "slow.example:1"},
                        {4, "slow.example:2"}});
    EXPECT_TRUE(eventually([&] { return one.is_up(2); }));
    EXPECT_TRUE(eventually([&] { return !one.last_error(3).empty(); }));
    EXPECT_EQ(servers.asked("slow"), 1);
    const std::uint64_t before = steady_ms();
    one.stop();
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(2'000)) << "the end waits for a name server";
}

}  // namespace
}  // namespace kontor::peer

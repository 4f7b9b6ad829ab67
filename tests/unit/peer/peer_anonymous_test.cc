// Callers without a certificate: joining, and what else they are not allowed.
#include <future>
#include <thread>

#include "peer_fixture.h"

namespace kontor::peer {
namespace {

class PeerAnonymousTest : public PeerTest {
 protected:
    static std::string pin() { return ca_fingerprint(cluster_authority().certificate_pem).value(); }
};

TEST_F(PeerAnonymousTest, OneCallForTheKindsThatAllowIt) {
    PeerNode one(1);
    one.start();
    EXPECT_EQ(anonymous_call(one.address(), pin(), kEcho, "token", 5'000).value_or("?"), "token");
    EXPECT_EQ(anonymous_call(one.address(), pin(), kWho, "", 5'000).value_or("?"), "0");
    // With colons and capitals, as people copy it.
    const auto colons = transport::certificate_fingerprint(cluster_authority().certificate_pem).value();
    EXPECT_TRUE(anonymous_call("localhost:" + std::to_string(one.net->port()), colons, kEcho, "", 5'000));
    const auto other = anonymous_call(one.address(), pin(), kFail, "", 5'000);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::permission_denied);
    EXPECT_EQ(other.error().message, "this call needs the certificate of a node");
    const std::lock_guard lock(one.mutex);
    EXPECT_TRUE(one.hellos.empty());
}

TEST_F(PeerAnonymousTest, ThePinDecides) {
    PeerNode one(1);
    one.start();
    const auto other = make_cluster_authority(kTestCluster, real_now_ms()).value();
    const auto wrong =
        anonymous_call(one.address(), ca_fingerprint(other.certificate_pem).value(), kEcho, "secret", 5'000);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, ErrorCode::permission_denied);
    EXPECT_NE(wrong.error().message.find("fingerprint"), std::string::npos);
    // The fingerprint of the node's own certificate is not an authority's.
    const std::string leaf =
        read_identity(one.options.credentials.certificate_pem).value().certificate_sha256;
    EXPECT_FALSE(anonymous_call(one.address(), leaf, kEcho, "", 5'000));
    EXPECT_EQ(anonymous_call(one.address(), "abc", kEcho, "", 5'000).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(anonymous_call("nowhere", pin(), kEcho, "", 5'000).error().code, ErrorCode::invalid_argument);
}

TEST_F(PeerAnonymousTest, Limits) {
    PeerNode one(1);
    one.options.anonymous_kinds.push_back(kKeep);
    one.start();
    EXPECT_EQ(anonymous_call(one.address(), pin(), kEcho, std::string(kMaxAnonymousBytes, 'x'), 5'000)
                  .value_or("")
                  .size(),
              kMaxAnonymousBytes);
    EXPECT_EQ(anonymous_call(one.address(), pin(), kEcho, std::string(kMaxAnonymousBytes + 1, 'x'), 5'000)
                  .error()
                  .code,
              ErrorCode::too_large);
    const auto late = anonymous_call(one.address(), pin(), kKeep, "", 200);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::timeout);
    const std::string address = one.address();
    one.stop();
    EXPECT_EQ(anonymous_call(address, pin(), kEcho, "", 1'000).error().code, ErrorCode::unavailable);
}

TEST_F(PeerAnonymousTest, TheLimitOfConnectionsAndTheirLife) {
    PeerNode one(1);
    one.options.limits.max_anonymous_connections = 4;
    one.options.limits.anonymous_lifetime_ms = 500;
    one.start();
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int i = 0; i < 5; ++i) {
        peers.push_back(std::make_unique<RawPeer>(one.net->port(), PeerCredentials{}));
        ASSERT_EQ(peers.back()->greet(Purpose::anonymous).value().kind, FrameKind::hello);
        const auto next = peers.back()->receive(200);
        if (i == 4) {
            ASSERT_TRUE(next && next->kind == FrameKind::refused);
            EXPECT_EQ(next->body, "too many connections without a certificate");
        } else {
            EXPECT_TRUE(next && next->kind == FrameKind::ping);
        }
    }
    const auto ended = peers[3]->receive_news();
    ASSERT_TRUE(ended && ended->kind == FrameKind::refused);
    EXPECT_TRUE(
        eventually([&] { return anonymous_call(one.address(), pin(), kEcho, "", 5'000).has_value(); }));
}

TEST_F(PeerAnonymousTest, TwoHundredConnections) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    std::vector<std::unique_ptr<RawPeer>> peers;
    std::size_t accepted = 0, refused = 0;
    for (int i = 0; i < 200; ++i) {
        peers.push_back(std::make_unique<RawPeer>(one.net->port(), PeerCredentials{}));
        ASSERT_TRUE(peers.back()->send(
            {.kind = FrameKind::hello, .code = kPeerProtocol, .purpose = Purpose::anonymous, .body = ""}));
    }
    for (const auto& peer : peers) {
        while (const auto frame = peer->receive(500)) {
            if (frame->kind == FrameKind::hello) ++accepted;
            if (frame->kind == FrameKind::refused) ++refused;
            if (frame->kind == FrameKind::ping || frame->kind == FrameKind::refused) break;
        }
    }
    EXPECT_EQ(accepted, 200U);
    EXPECT_EQ(refused, 200U - one.options.limits.max_anonymous_connections);
    EXPECT_EQ(two.ask(1, kEcho, "nodes are not concerned").value_or("?"), "nodes are not concerned");
    PeerNode three(3);
    three.start();
    three.net->set_peers({{1, one.address()}});
    EXPECT_TRUE(eventually([&] { return three.is_up(1); }));
}

TEST_F(PeerAnonymousTest, ConnectionsThatNeverGreetMakeRoom) {
    PeerNode one(1);
    one.options.limits.max_greetings = 8;
    one.options.limits.handshake_timeout_ms = 60'000;
    one.start();
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int i = 0; i < 20; ++i)
        peers.push_back(std::make_unique<RawPeer>(one.net->port(), PeerCredentials{}));
    EXPECT_TRUE(anonymous_call(one.address(), pin(), kEcho, "", 5'000));
    EXPECT_FALSE(peers.front()->receive(1'000));  // closed: the oldest
    EXPECT_TRUE(peers.back()->greet(Purpose::anonymous).has_value());
}

}  // namespace
}  // namespace kontor::peer

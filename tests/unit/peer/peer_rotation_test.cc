// New certificates, and a new authority, while everything runs.
#include <thread>

#include "peer_fixture.h"

namespace kontor::peer {
namespace {

// Calls without a pause from one node to another, and counts what is not answered.
class Caller {
 public:
    Caller(PeerNode& from, std::uint64_t to, PeerLane lane)
        : thread_([this, &from, to, lane] {
              while (!stop_) {
                  const auto got = from.ask(to, made_ % 8 == 0 ? kLater : kEcho, "x", 20'000, lane);
                  if (!got) {
                      const std::lock_guard lock(mutex_);
                      error_ = got.error().describe();
                      failed_.fetch_add(1);
                  }
                  made_.fetch_add(1);
              }
          }) {}
    ~Caller() { end(); }
    void end() {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
    }
    [[nodiscard]] int made() const { return made_; }
    [[nodiscard]] int failed() const { return failed_; }
    [[nodiscard]] std::string error() const {
        const std::lock_guard lock(mutex_);
        return error_;
    }

 private:
    std::atomic<bool> stop_{false};
    std::atomic<int> made_{0}, failed_{0};
    mutable std::mutex mutex_;
    std::string error_;
    std::thread thread_;
};

class PeerRotationTest : public PeerTest {
 protected:
    static std::uint64_t connects(const PeerNode& node) { return node.net->status()[0].connects; }
};

TEST_F(PeerRotationTest, NewCertificatesUnderCalls) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    Caller fast(one, 2, PeerLane::fast), bulk(one, 2, PeerLane::bulk), back(two, 1, PeerLane::fast);
    for (int i = 0; i < 3; ++i) {
        for (PeerNode* node : {&one, &two}) {
            const std::uint64_t before = connects(*node);
            const auto next = credentials_of(cluster_authority(), kTestCluster, node->options.self.node_id);
            ASSERT_TRUE(node->net->set_credentials(next));
            ASSERT_TRUE(eventually([&] { return connects(*node) > before; }));
            std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the other two connections
        }
    }
    for (Caller* caller : {&fast, &bulk, &back}) {
        caller->end();
        EXPECT_GT(caller->made(), 100);
        EXPECT_EQ(caller->failed(), 0) << caller->error();
    }
    EXPECT_TRUE(one.is_up(2) && two.is_up(1));
}

TEST_F(PeerRotationTest, CallsInFlightFinishOnTheOldConnection) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    std::atomic<int> answered{0};
    one.net->call(2, kKeep, "", 20'000, [&](const Result<std::string>& got) {
        EXPECT_TRUE(got && *got == "at last");
        answered.fetch_add(1);
    });
    ASSERT_TRUE(eventually([&] { return two.kept() == 1; }));
    ASSERT_TRUE(one.net->set_credentials(credentials_of(cluster_authority(), kTestCluster, 1)));
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    EXPECT_GE(connects(one), 2U);
    EXPECT_EQ(answered.load(), 0);
    two.answer_kept(0, "at last");
    EXPECT_TRUE(eventually([&] { return answered == 1; }));
}

TEST_F(PeerRotationTest, ANewAuthorityByWayOfBoth) {
    const auto next = make_cluster_authority(kTestCluster, real_now_ms()).value();
    const std::string both = cluster_authority().certificate_pem + next.certificate_pem;
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    Caller fast(one, 2, PeerLane::fast);
    const auto change = [&](PeerNode& node, PeerCredentials credentials) {
        const std::uint64_t before = connects(node);
        ASSERT_TRUE(node.net->set_credentials(std::move(credentials)));
        ASSERT_TRUE(eventually([&] { return connects(node) > before; }));
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
    };
    // Everybody trusts both, then everybody shows the new one, then nobody trusts the old one.
    for (PeerNode* node : {&one, &two}) {
        PeerCredentials credentials = node->options.credentials;
        credentials.ca_pem = both;
        change(*node, credentials);
    }
    std::map<PeerNode*, PeerCredentials> fresh;
    for (PeerNode* node : {&one, &two}) {
        fresh[node] = credentials_of(next, kTestCluster, node->options.self.node_id);
        PeerCredentials credentials = fresh[node];
        credentials.ca_pem = both;
        change(*node, credentials);
    }
    for (PeerNode* node : {&one, &two}) change(*node, fresh[node]);
    fast.end();
    EXPECT_EQ(fast.failed(), 0) << fast.error();
    // The old authority's nodes are strangers now; joiners pin the new one.
    RawPeer old(one.net->port(), credentials_of(cluster_authority(), kTestCluster, 3));
    EXPECT_EQ(old.greet(Purpose::messages).value().kind, FrameKind::refused);
    EXPECT_FALSE(anonymous_call(one.address(), ca_fingerprint(cluster_authority().certificate_pem).value(),
                                kEcho, "", 5'000));
    EXPECT_TRUE(
        anonymous_call(one.address(), ca_fingerprint(next.certificate_pem).value(), kEcho, "", 5'000));
}

TEST_F(PeerRotationTest, ARenewalThatFailsKeepsTheOldConnection) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    // Two does not trust this authority, so no new connection comes about.
    const auto foreign = make_cluster_authority(kTestCluster, real_now_ms()).value();
    PeerCredentials credentials = credentials_of(foreign, kTestCluster, 1);
    credentials.ca_pem += cluster_authority().certificate_pem;
    ASSERT_TRUE(one.net->set_credentials(credentials));
    EXPECT_TRUE(eventually([&] { return one.last_error(2).find("not trusted") != std::string::npos; }));
    EXPECT_TRUE(one.is_up(2));
    EXPECT_TRUE(one.ask(2, kEcho, ""));
    ASSERT_TRUE(one.net->set_credentials(one.options.credentials));
    EXPECT_TRUE(eventually([&] { return connects(one) >= 2; }));
}

}  // namespace
}  // namespace kontor::peer

// Edges: addresses that lead nowhere, answers that come too late, limits of numbers.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "peer_fixture.h"
#include "peer_incoming.h"

namespace kontor::peer {
namespace {

using PeerEdgesTest = PeerTest;

// A port whose machine does not answer: its queue of connections is full, and the kernel drops what comes.
class DeadPort {
 public:
    DeadPort() {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(where);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&where), size), 0);
        EXPECT_EQ(::listen(listener_, 0), 0);
        EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size), 0);
        port = ntohs(where.sin_port);
        for (int& fd : fillers_) {
            fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            (void)::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where));
        }
    }
    ~DeadPort() {
        ::close(listener_);
        for (const int fd : fillers_) ::close(fd);
    }
    DeadPort(const DeadPort&) = delete;
    DeadPort& operator=(const DeadPort&) = delete;
    std::uint16_t port = 0;

 private:
    int listener_ = -1;
    int fillers_[4] = {-1, -1, -1, -1};
};

TEST_F(PeerEdgesTest, ConnectingAndGreetingHaveTheirTime) {
    const DeadPort dead;
    const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // connects, and says nothing
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(where);
    ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&where), size), 0);
    ASSERT_EQ(::listen(silent, 64), 0);
    ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&where), &size), 0);
    PeerNode one(1);
    one.options.limits.connect_timeout_ms = 200;
    one.options.limits.handshake_timeout_ms = 300;
    one.start();
    one.net->set_peers({{2, "127.0.0.1:" + std::to_string(dead.port)},
                        {3, "127.0.0.1:" + std::to_string(ntohs(where.sin_port))},
                        {4, "127.0.0.1:1"}});
    EXPECT_TRUE(
        eventually([&] { return one.last_error(2).find("cannot connect in time") != std::string::npos; }));
    EXPECT_TRUE(
        eventually([&] { return one.last_error(3).find("no greeting in time") != std::string::npos; }));
    EXPECT_TRUE(eventually([&] { return one.last_error(4).find("refused") != std::string::npos; }));
    ::close(silent);
}

TEST_F(PeerEdgesTest, AnAnswerAfterTheEndOfEverything) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    CallResponder late;
    std::atomic<int> ended{0};
    one.net->call(2, kKeep, "", 20'000, [&](const Result<std::string>&) { ended.fetch_add(1); });
    ASSERT_TRUE(eventually([&] { return two.kept() == 1; }));
    late = two.kept_copy(0);
    two.stop();
    late(std::string("too late"));
    late = nullptr;
    EXPECT_TRUE(eventually([&] { return ended == 1; }));
}

TEST_F(PeerEdgesTest, WhatWasNeverWrittenWasNotSent) {
    PeerNode one(1);
    one.options.limits.dead_after_ms = 60'000;
    one.start();
    PeerNode two(2);
    std::mutex hold;
    two.options.limits.dead_after_ms = 60'000;
    two.options.on_message = [&](std::uint64_t, const std::string&) { const std::lock_guard wait(hold); };
    two.start();
    connect({&one, &two});
    hold.lock();
    one.net->send(2, "stop");
    std::atomic<int> unavailable{0}, lost{0}, other{0};
    constexpr int kCalls = 30;  // of half a MiB: more than sockets hold, less than the queue does
    for (int i = 0; i < kCalls; ++i) {
        one.net->call(2, kEcho, std::string(512U << 10U, 'x'), 60'000, [&](const Result<std::string>& got) {
            const ErrorCode code = got ? ErrorCode::internal : got.error().code;
            (code == ErrorCode::unavailable ? unavailable
             : code == ErrorCode::io        ? lost
                                            : other)
                .fetch_add(1);
        });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(unavailable + lost + other, 0);
    one.net->disconnect(2, "to see what becomes of them");
    EXPECT_TRUE(eventually([&] { return unavailable + lost == kCalls; }));
    EXPECT_GT(unavailable.load(), 0);
    EXPECT_GT(lost.load(), 0);
    EXPECT_EQ(other.load(), 0);
    hold.unlock();
}

TEST_F(PeerEdgesTest, CallsInFlightToTheLimitAndOneMore) {
    PeerNode one(1), two(2);
    one.options.limits.dead_after_ms = two.options.limits.dead_after_ms = 60'000;
    one.start();
    two.start();
    connect({&one, &two});
    std::atomic<std::size_t> overloaded{0}, answered{0};
    for (std::size_t i = 0; i < kMaxCallsInFlight + 1; ++i) {
        one.net->call(2, kKeep, "", 120'000,
                      [&](const Result<std::string>& got) { (got ? answered : overloaded).fetch_add(1); });
    }
    ASSERT_TRUE(eventually([&] { return two.kept() == kMaxCallsInFlight; }));
    ASSERT_TRUE(eventually([&] { return overloaded == 1; }));
    two.answer_kept(0, "");
    ASSERT_TRUE(eventually([&] { return answered == 1; }));
    EXPECT_TRUE(one.ask(2, kEcho, ""));
    for (std::size_t i = 1; i < kMaxCallsInFlight; ++i) two.answer_kept(i, "");
    EXPECT_TRUE(eventually([&] { return answered == kMaxCallsInFlight; }));
}

TEST_F(PeerEdgesTest, CallConnectionsToTheLimitAndOneMore) {
    PeerNode one(1);
    one.start();
    const auto two = credentials_of(cluster_authority(), kTestCluster, 2);
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (std::size_t i = 0; i < kMaxCallLinks + 1; ++i) {
        peers.push_back(std::make_unique<RawPeer>(one.net->port(), two));
        ASSERT_EQ(peers.back()->greet(Purpose::fast_calls).value().kind, FrameKind::hello);
    }
    const auto told = peers.front()->receive_news();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->kind, FrameKind::refused);
    for (std::size_t i = 1; i < peers.size(); ++i) {
        ASSERT_TRUE(peers[i]->send({.kind = FrameKind::call, .id = i, .code = kWho, .body = ""}));
        const auto answer = peers[i]->receive_news();
        ASSERT_TRUE(answer && answer->kind == FrameKind::answer);
        EXPECT_EQ(answer->body, "2");
    }
}

// A later version may have groups that this one has not: its own business goes on.
TEST_F(PeerEdgesTest, WhatIsForAnotherGroupIsRefusedAndTheRestGoesOn) {
    PeerNode one(1);
    one.start();
    const auto two = credentials_of(cluster_authority(), kTestCluster, 2);
    RawPeer calls(one.net->port(), two), messages(one.net->port(), two);
    ASSERT_EQ(calls.greet(Purpose::fast_calls).value().kind, FrameKind::hello);
    for (const std::uint8_t group : {std::uint8_t{1}, std::uint8_t{15}, std::uint8_t{255}}) {
        ASSERT_TRUE(
            calls.send({.kind = FrameKind::call, .id = group, .code = kWho, .group = group, .body = ""}));
        const auto refused = calls.receive_news();
        ASSERT_TRUE(refused && refused->kind == FrameKind::failure);
        EXPECT_EQ(error_code_of(refused->code), ErrorCode::unsupported);
        EXPECT_EQ(refused->id, group);
    }
    ASSERT_TRUE(calls.send({.kind = FrameKind::call, .id = 7, .code = kWho, .body = ""}));
    EXPECT_EQ(calls.receive_news().value().body, "2");
    ASSERT_EQ(messages.greet(Purpose::messages).value().kind, FrameKind::hello);
    ASSERT_TRUE(messages.send({.kind = FrameKind::message, .group = 1, .body = "for nobody"}));
    ASSERT_TRUE(messages.send({.kind = FrameKind::message, .body = "for us"}));
    ASSERT_TRUE(eventually([&] { return !one.messages_from(2).empty(); }));
    EXPECT_EQ(one.messages_from(2), std::vector<std::string>{"for us"});
}

TEST_F(PeerEdgesTest, LongReasonsAreCut) {
    PeerNode one(1);
    one.refuse_hello = std::string(kMaxRefusalBytes + 1, 'r');
    one.start();
    const auto two = credentials_of(cluster_authority(), kTestCluster, 2);
    EXPECT_EQ(RawPeer(one.net->port(), two).greet(Purpose::messages).value().body.size(), kMaxRefusalBytes);
}

TEST_F(PeerEdgesTest, CallbacksThatThrow) {
    PeerNode one(1), two(2);
    two.options.on_message = [](std::uint64_t, const std::string&) {
        throw std::runtime_error("on purpose");
    };
    two.options.on_link = [](std::uint64_t, bool) { throw std::runtime_error("on purpose"); };
    one.start();
    two.start();
    connect({&one, &two});
    log::set_level(log::Level::error);
    one.net->send(2, "x");
    EXPECT_EQ(one.ask(2, kEcho, "lives").value_or("?"), "lives");
    PeerNode three(3);
    three.options.hello = []() -> std::string { throw std::runtime_error("no hello today"); };
    three.start();
    three.net->set_peers({{1, one.address()}});
    EXPECT_TRUE(eventually([&] { return three.last_error(1).find("no hello today") != std::string::npos; }));
}

}  // namespace
}  // namespace kontor::peer

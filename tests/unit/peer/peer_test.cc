// What the peer port is for: messages in order, calls, many nodes, reconnects.
#include <algorithm>
#include <future>

#include "kontor/base/log.h"
#include "peer_fixture.h"
#include "support/environment.h"

namespace kontor::peer {
namespace {

TEST_F(PeerTest, ThreeNodesTalk) {
    PeerNode one(1), two(2), three(3);
    for (PeerNode* node : {&one, &two, &three}) node->start();
    connect({&one, &two, &three});
    for (PeerNode* from : {&one, &two, &three}) {
        for (PeerNode* to : {&one, &two, &three}) {
            if (from == to) continue;
            const std::uint64_t to_id = to->options.self.node_id, from_id = from->options.self.node_id;
            for (int i = 0; i < 100; ++i) from->net->send(to_id, "m" + std::to_string(i));
            EXPECT_EQ(from->ask(to_id, kWho, "").value_or("?"), std::to_string(from_id));
            EXPECT_EQ(from->ask(to_id, kWho, "", 5'000, PeerLane::bulk).value_or("?"),
                      std::to_string(from_id));
            ASSERT_TRUE(eventually([&] { return to->messages_from(from_id).size() == 100; }));
            for (int i = 0; i < 100; ++i)
                EXPECT_EQ(to->messages_from(from_id)[static_cast<std::size_t>(i)], "m" + std::to_string(i));
        }
    }
    const auto status = one.net->status();
    ASSERT_EQ(status.size(), 2U);
    EXPECT_TRUE(status[0].up);
    EXPECT_EQ(status[0].node_id, 2U);
    EXPECT_EQ(status[0].address, two.address());
    EXPECT_GT(status[0].bytes_out, 200U);
    EXPECT_GT(status[0].bytes_in, 200U);
    EXPECT_EQ(status[0].dropped_messages, 0U);
    EXPECT_TRUE(eventually([&] { return one.net->status()[0].rtt_us > 0; }));
    const std::lock_guard lock(two.mutex);
    EXPECT_NE(std::find(two.hellos.begin(), two.hellos.end(),
                        std::pair<std::uint64_t, std::string>(1, "hello of 1")),
              two.hellos.end());
}

TEST_F(PeerTest, AnswersOfEveryKind) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    for (const PeerLane lane : {PeerLane::fast, PeerLane::bulk}) {
        EXPECT_EQ(one.ask(2, kEcho, "body", 5'000, lane).value_or("?"), "body");
        EXPECT_EQ(one.ask(2, kLater, "later", 5'000, lane).value_or("?"), "later");
        const auto failed = one.ask(2, kFail, "the text", 5'000, lane);
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().code, ErrorCode::conflict);
        EXPECT_EQ(failed.error().message, "the text");
        for (const std::uint16_t kind : {kDrop, kThrow}) {
            const auto dropped = one.ask(2, kind, "", 5'000, lane);
            ASSERT_FALSE(dropped);
            EXPECT_EQ(dropped.error().code, ErrorCode::internal);
        }
    }
    const auto stranger = one.ask(9, kEcho, "");
    ASSERT_FALSE(stranger);
    EXPECT_EQ(stranger.error().code, ErrorCode::unavailable);
}

TEST_F(PeerTest, ManyCallsAtOnceInAnyOrder) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    // The kept ones are answered last and backwards; the others overtake them.
    std::atomic<int> right{0}, overtook{0};
    constexpr int kCalls = 500;
    for (int i = 0; i < kCalls; ++i) {
        one.net->call(2, kKeep, "", 20'000, [&, i](const Result<std::string>& got) {
            if (got && *got == std::to_string(i)) right.fetch_add(1);
        });
        one.net->call(2, kEcho, "x", 20'000, [&](const Result<std::string>& got) {
            if (got) overtook.fetch_add(1);
        });
    }
    ASSERT_TRUE(eventually([&] { return overtook == kCalls && two.kept() == kCalls; }));
    EXPECT_EQ(right.load(), 0);
    for (int i = kCalls - 1; i >= 0; --i) two.answer_kept(static_cast<std::size_t>(i), std::to_string(i));
    EXPECT_TRUE(eventually([&] { return right == kCalls; }));
}

TEST_F(PeerTest, CallTimesOutAndItsLateAnswerIsIgnored) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    const std::uint64_t before = steady_ms();
    const auto late = one.ask(2, kKeep, "", 100);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::timeout);
    EXPECT_GE(steady_ms() - before, 100U);
    two.answer_kept(0, "too late");
    EXPECT_EQ(one.ask(2, kEcho, "still good").value_or("?"), "still good");
}

TEST_F(PeerTest, LostConnectionEndsCallsAndComesBack) {
    PeerNode one(1);
    auto two = std::make_unique<PeerNode>(2);
    one.start();
    two->start();
    connect({&one, two.get()});
    std::promise<Result<std::string>> answer;
    one.net->call(2, kKeep, "", 20'000, [&](Result<std::string> got) { answer.set_value(std::move(got)); });
    ASSERT_TRUE(eventually([&] { return two->kept() == 1; }));
    const std::uint16_t port = two->net->port();
    two->stop();
    const auto lost = answer.get_future().get();
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, ErrorCode::io) << lost.error().message;
    ASSERT_TRUE(eventually([&] { return !one.is_up(2); }));
    EXPECT_TRUE(eventually([&] {
        const auto none = one.ask(2, kEcho, "");
        return !none && none.error().code == ErrorCode::unavailable;
    }));
    EXPECT_NE(one.last_error(2), "");
    two->options.port = port;
    two->start();
    EXPECT_TRUE(eventually([&] { return one.is_up(2) && one.ask(2, kEcho, "").has_value(); }));
    EXPECT_EQ(one.links(2), (std::vector<bool>{true, false, true}));
}

TEST_F(PeerTest, OrderOverReconnectsAndNothingOfAnOldConnection) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    std::atomic<bool> stop{false};
    std::thread sender([&] {
        for (std::uint64_t i = 0; !stop; ++i) {
            one.net->send(2, std::to_string(i));
            if (i % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    });
    for (int i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        (i % 2 == 0 ? one : two).net->disconnect(i % 2 == 0 ? 2 : 1, "to see what happens");
        EXPECT_TRUE(eventually([&] { return one.is_up(2); }));
    }
    stop = true;
    sender.join();
    EXPECT_GE(one.net->status()[0].connects, 10U);
    const auto got = two.messages_from(1);
    EXPECT_GT(got.size(), 100U);
    std::uint64_t last = 0;
    bool in_order = true;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const std::uint64_t n = std::stoull(got[i]);
        if (i > 0 && n <= last) in_order = false;
        last = n;
    }
    EXPECT_TRUE(in_order);
}

TEST_F(PeerTest, ANewMessageConnectionEndsTheOldOne) {
    PeerNode one(1);
    one.start();
    const PeerCredentials two = credentials_of(cluster_authority(), kTestCluster, 2);
    RawPeer old_link(one.net->port(), two), new_link(one.net->port(), two);
    ASSERT_EQ(old_link.greet(Purpose::messages).value().kind, FrameKind::hello);
    ASSERT_TRUE(old_link.send({.kind = FrameKind::message, .body = "old"}));
    ASSERT_TRUE(eventually([&] { return one.messages_from(2).size() == 1; }));
    ASSERT_EQ(new_link.greet(Purpose::messages).value().kind, FrameKind::hello);
    const auto told = old_link.receive_news();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->kind, FrameKind::refused);
    EXPECT_NE(told->body.find("connected again"), std::string::npos) << told->body;
    (void)old_link.send({.kind = FrameKind::message, .body = "of the old one"});
    ASSERT_TRUE(new_link.send({.kind = FrameKind::message, .body = "new"}));
    ASSERT_TRUE(eventually([&] { return one.messages_from(2).size() == 2; }));
    EXPECT_EQ(one.messages_from(2).back(), "new");
}

TEST_F(PeerTest, PeersComeGoAndMove) {
    PeerNode one(1), two(2), other_two(2);
    for (PeerNode* node : {&one, &two, &other_two}) node->start();
    connect({&one, &two});
    one.net->set_peers({{1, one.address()}, {2, other_two.address()}});
    ASSERT_TRUE(
        eventually([&] { return one.is_up(2) && one.net->status()[0].address == other_two.address(); }));
    one.net->send(2, "to the other");
    EXPECT_TRUE(eventually([&] { return !other_two.messages_from(1).empty(); }));
    one.net->set_peers({});
    EXPECT_TRUE(one.net->status().empty());
    EXPECT_TRUE(eventually([&] { return !one.links(2).back(); }));
    EXPECT_EQ(one.ask(2, kEcho, "").error().code, ErrorCode::unavailable);
    one.net->send(2, "nobody");  // no harm
    // Who is no longer a peer is hung up on; whether it may come again is check_hello's business.
    EXPECT_TRUE(eventually([&] { return two.links(1).size() >= 2; }));
}

TEST_F(PeerTest, StopEndsEverythingAtOnce) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    std::atomic<int> ended{0};
    for (int i = 0; i < 100; ++i)
        one.net->call(2, kKeep, "", 60'000, [&](const auto&) { ended.fetch_add(1); });
    const std::uint64_t before = steady_ms();
    one.net->stop();
    EXPECT_EQ(ended.load(), 100);
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(2'000)) << "the calls have a minute";
    std::atomic<bool> answered{false};
    one.net->call(2, kEcho, "", 1'000, [&](const Result<std::string>& got) {
        EXPECT_EQ(got.error().code, ErrorCode::unavailable);
        answered = true;
    });
    EXPECT_TRUE(answered);
    one.net->send(2, "after the end");
    one.net->stop();
}

TEST_F(PeerTest, TheNamesOfAddresses) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    one.net->set_peers({{2, "localhost:" + std::to_string(two.net->port())}, {3, "no-colon"}, {4, "x:0"}});
    EXPECT_TRUE(eventually([&] { return one.is_up(2); }));
    EXPECT_TRUE(eventually([&] { return one.last_error(3).find("host:port") != std::string::npos; }));
    EXPECT_TRUE(eventually([&] { return one.last_error(4).find("host:port") != std::string::npos; }));
}

}  // namespace
}  // namespace kontor::peer

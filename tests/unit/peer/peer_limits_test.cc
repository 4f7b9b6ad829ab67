// Each limit of the peer port at its edge, and peers that misbehave slowly.
#include <future>

#include "peer_fixture.h"
#include "support/environment.h"

namespace kontor::peer {
namespace {

using PeerLimitsTest = PeerTest;

TEST_F(PeerLimitsTest, FramesOfTheMaximumAndOneMore) {
    PeerNode one(1), two(2);
    for (PeerNode* node : {&one, &two}) {
        node->options.limits.max_frame_bytes = 100'000;
        node->start();
    }
    connect({&one, &two});
    EXPECT_EQ(one.ask(2, kEcho, std::string(100'000, 'x')).value_or("").size(), 100'000U);
    EXPECT_EQ(one.ask(2, kEcho, std::string(100'001, 'x')).error().code, ErrorCode::too_large);
    EXPECT_EQ(one.ask(2, kLarge, "100000").value_or("").size(), 100'000U);
    EXPECT_EQ(one.ask(2, kLarge, "100001").error().code, ErrorCode::too_large);
    one.net->send(2, std::string(100'001, 'b'));
    one.net->send(2, std::string(100'000, 'a'));
    one.net->send(2, "");
    ASSERT_TRUE(eventually([&] { return two.messages_from(1).size() == 2; }));
    EXPECT_EQ(two.messages_from(1)[0], std::string(100'000, 'a'));
    EXPECT_EQ(two.messages_from(1)[1], "");
    EXPECT_EQ(one.net->status()[0].dropped_messages, 1U);
    // From somebody who does not hold the limit himself.
    const auto three = credentials_of(cluster_authority(), kTestCluster, 3);
    RawPeer good(one.net->port(), three);
    ASSERT_EQ(good.greet(Purpose::messages).value().kind, FrameKind::hello);
    ASSERT_TRUE(good.send({.kind = FrameKind::message, .body = std::string(100'000, 'm')}));
    ASSERT_TRUE(eventually([&] { return one.messages_from(3).size() == 1; }));
    // Its head is enough; a body that nobody reads would take the reason away.
    const std::string large = encode_frame({.kind = FrameKind::message, .body = std::string(100'001, 'm')});
    ASSERT_TRUE(good.send_bytes(large.substr(0, kFrameHeadBytes)));
    EXPECT_NE(good.receive_news().value().body.find("larger than allowed"), std::string::npos);
}

TEST_F(PeerLimitsTest, SizesOfEveryKindOneAfterTheOther) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    const std::size_t largest = one.options.limits.max_frame_bytes;
    std::vector<std::size_t> sizes = {0, 1,           largest, 16'384, 16'379, 16'380,
                                      5, largest - 1, 300'000, 3,      262'144};
    for (int round = 0; round < 2; ++round) {
        for (const std::size_t size : sizes) {
            const auto lane = round == 0 ? PeerLane::fast : PeerLane::bulk;
            EXPECT_EQ(one.ask(2, kEcho, std::string(size, 'e'), 10'000, lane).value_or("x").size(), size);
        }
    }
    // Without waiting in between, so that they share records.
    for (const std::size_t size : sizes) {
        if (size > 1'000'000) continue;
        one.net->send(2, std::string(size, static_cast<char>('a' + size % 26)));
        one.net->send(2, "between");
    }
    ASSERT_TRUE(eventually([&] { return two.messages_from(1).size() == 2 * (sizes.size() - 2); }));
    std::size_t at = 0;
    for (const std::size_t size : sizes) {
        if (size > 1'000'000) continue;
        EXPECT_EQ(two.messages_from(1)[at++], std::string(size, static_cast<char>('a' + size % 26)));
        EXPECT_EQ(two.messages_from(1)[at++], "between");
    }
}

TEST_F(PeerLimitsTest, HelloOfTheMaximumAndOneMore) {
    PeerNode one(1);
    one.start();
    const auto two = credentials_of(cluster_authority(), kTestCluster, 2);
    EXPECT_EQ(
        RawPeer(one.net->port(), two).greet(Purpose::messages, std::string(kMaxHelloBytes, 'h')).value().kind,
        FrameKind::hello);
    const auto refused =
        RawPeer(one.net->port(), two).greet(Purpose::messages, std::string(kMaxHelloBytes + 1, 'h')).value();
    EXPECT_EQ(refused.kind, FrameKind::refused);
}

// A listener that greets and then reads nothing: for the node that dialled, the machine has stopped.
class StoppedNode {
 public:
    StoppedNode() : node_(2) {
        node_.options.on_message = [this](std::uint64_t, const std::string&) { hold(); };
        node_.options.limits.dead_after_ms = 60'000;
        node_.start();
    }
    ~StoppedNode() {
        release();
        node_.stop();
    }
    PeerNode& node() { return node_; }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }

 private:
    void hold() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return released_; });
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    bool released_ = false;
    PeerNode node_;
};

TEST_F(PeerLimitsTest, AFullQueueDropsAndReconnects) {
    StoppedNode stopped;  // its fast thread hangs in the first message
    PeerNode one(1), three(3);
    one.options.limits.max_frame_bytes = 1U << 20U;
    one.options.limits.max_queued_bytes = 4U << 20U;
    one.options.limits.dead_after_ms = 60'000;
    one.start();
    three.start();
    one.net->set_peers({{2, stopped.node().address()}, {3, three.address()}});
    ASSERT_TRUE(eventually([&] { return one.is_up(2) && one.is_up(3); }));
    // The kernel's buffers take some MiB; then the queue fills to its limit, and not beyond.
    int sent = 0;
    for (; sent < 200 && one.net->status()[0].dropped_messages == 0; ++sent) {
        one.net->send(2, std::string(256U << 10U, 'q'));
        one.net->send(3, std::to_string(sent));
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_GT(sent, 16);
    EXPECT_LT(sent, 200);
    EXPECT_TRUE(eventually([&] { return one.links(2).size() >= 2; }));
    EXPECT_FALSE(one.links(2)[1]);
    // Nobody else was delayed by it.
    EXPECT_TRUE(eventually([&] { return three.messages_from(1).size() == static_cast<std::size_t>(sent); }));
    EXPECT_EQ(one.ask(3, kEcho, "alive").value_or("?"), "alive");
    stopped.release();
    EXPECT_TRUE(eventually([&] { return one.is_up(2); }));
}

TEST_F(PeerLimitsTest, TheQueueOfCallsAnswersOverloaded) {
    StoppedNode stopped;
    PeerNode one(1);
    one.options.limits.max_frame_bytes = 1U << 20U;
    one.options.limits.max_queued_bytes = 2U << 20U;
    one.options.limits.dead_after_ms = 60'000;
    one.start();
    one.net->set_peers({{2, stopped.node().address()}});
    ASSERT_TRUE(eventually([&] { return one.ask(2, kEcho, "").has_value(); }));
    ASSERT_TRUE(eventually([&] { return one.is_up(2); }));
    one.net->send(2, "stop");
    std::atomic<int> overloaded{0}, other{0}, good{0};
    int calls = 0;
    for (; calls < 200 && overloaded == 0; ++calls) {
        one.net->call(2, kEcho, std::string(256U << 10U, 'q'), 60'000, [&](const Result<std::string>& got) {
            if (got)
                good.fetch_add(1);
            else
                (got.error().code == ErrorCode::overloaded ? overloaded : other).fetch_add(1);
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_GT(overloaded.load(), 0);
    EXPECT_GT(calls, 8);
    stopped.release();
    // The rest is answered; the answers are more than its queue holds at once, so it reads no calls
    // meanwhile.
    EXPECT_TRUE(eventually([&] { return good + other + overloaded == calls; }));
    EXPECT_EQ(other.load(), 0);
}

// What was asked for is done: the caller must not hear that it may ask again.
TEST_F(PeerLimitsTest, AnAnswerWithoutRoomIsAnOutcomeNotKnown) {
    PeerNode one(1);
    one.options.limits.max_frame_bytes = 1U << 20U;
    one.options.limits.max_queued_bytes = 2U << 20U;
    one.options.limits.dead_after_ms = 60'000;
    one.start();
    RawPeer slow(one.net->port(), credentials_of(cluster_authority(), kTestCluster, 2));
    ASSERT_EQ(slow.greet(Purpose::fast_calls).value().kind, FrameKind::hello);
    constexpr std::size_t kCalls = 40;
    for (std::uint64_t i = 0; i < kCalls; ++i)
        ASSERT_TRUE(slow.send({.kind = FrameKind::call, .id = i, .code = kKeep, .body = ""}));
    ASSERT_TRUE(eventually([&] { return one.kept() == kCalls; }));
    // More than the queue and the kernel's buffers take while nobody reads.
    for (std::size_t i = 0; i < kCalls; ++i) one.answer_kept(i, std::string(1'000'000, 'a'));
    std::size_t answered = 0, unknown = 0;
    while (answered + unknown < kCalls) {
        const auto frame = slow.receive_news();
        ASSERT_TRUE(frame);
        if (frame->kind == FrameKind::answer) {
            ++answered;
            continue;
        }
        ASSERT_EQ(frame->kind, FrameKind::failure);
        EXPECT_EQ(frame->code, static_cast<std::uint16_t>(ErrorCode::io)) << frame->body;
        ++unknown;
    }
    EXPECT_GT(answered, 0U);
    EXPECT_GT(unknown, 0U);
}

TEST_F(PeerLimitsTest, AStoppedPeerIsDeadAndDelaysNobody) {
    PeerNode one(1), three(3);
    for (PeerNode* node : {&one, &three}) {
        node->options.limits.ping_interval_ms = 100;
        node->options.limits.dead_after_ms = 1'500;
        node->start();
    }
    connect({&one, &three});
    // It greets as node 2 and never reads or writes again.
    const auto two = credentials_of(cluster_authority(), kTestCluster, 2);
    RawPeer silent(one.net->port(), two);
    ASSERT_EQ(silent.greet(Purpose::fast_calls).value().kind, FrameKind::hello);
    for (std::uint64_t i = 0; i < 40; ++i) {
        ASSERT_TRUE(silent.send({.kind = FrameKind::call, .id = i, .code = kLarge, .body = "1000000"}));
    }
    for (int i = 0; i < 40; ++i) {
        const std::uint64_t before = steady_ms();
        EXPECT_EQ(three.ask(1, kEcho, "quick").value_or("?"), "quick");
        EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(1'000)) << "a stopped peer delays others";
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    // It is cut off: what it finds when it wakes up ends early.
    std::size_t answers = 0;
    while (const auto frame = silent.receive_news(1'000)) answers += frame->kind == FrameKind::answer ? 1 : 0;
    EXPECT_LT(answers, 40U);
    EXPECT_TRUE(one.is_up(3) && three.is_up(1));
    EXPECT_EQ(three.links(1), std::vector<bool>{true});
}

TEST_F(PeerLimitsTest, ADiallerNoticesAListenerThatStops) {
    StoppedNode stopped;
    PeerNode one(1);
    one.options.limits.ping_interval_ms = 100;
    one.options.limits.dead_after_ms = 1'000;
    one.start();
    one.net->set_peers({{2, stopped.node().address()}});
    ASSERT_TRUE(eventually([&] { return one.is_up(2); }));
    const std::uint64_t before = steady_ms();
    one.net->send(2, "stop");
    ASSERT_TRUE(eventually([&] { return one.links(2).size() >= 2; }));
    EXPECT_GE(steady_ms() - before, 700U);
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(10'000)) << "dead after a second of silence";
    EXPECT_NE(one.last_error(2).find("nothing heard"), std::string::npos) << one.last_error(2);
}

TEST_F(PeerLimitsTest, AnIdleLinkStaysUp) {
    PeerNode one(1), two(2);
    for (PeerNode* node : {&one, &two}) {
        node->options.limits.ping_interval_ms = 50;
        node->options.limits.dead_after_ms = 1'000;
        node->start();
    }
    connect({&one, &two});
    std::this_thread::sleep_for(std::chrono::milliseconds(2'500));
    EXPECT_EQ(one.links(2), std::vector<bool>{true});
    EXPECT_EQ(two.links(1), std::vector<bool>{true});
}

TEST_F(PeerLimitsTest, BulkDelaysNeitherSmallCallsNorMessages) {
    PeerNode one(1), two(2);
    one.start();
    two.start();
    connect({&one, &two});
    std::atomic<int> running{0};
    std::atomic<bool> stop{false};
    std::atomic<int> transfers{0}, failed{0};
    std::function<void(const Result<std::string>&)> again = [&](const Result<std::string>& got) {
        (got && got->size() == 8'000'000 ? transfers : failed).fetch_add(1);
        if (stop || failed > 0)
            running.fetch_sub(1);
        else
            one.net->call(2, kLarge, "8000000", 60'000, again, PeerLane::bulk);
    };
    for (int i = 0; i < 2; ++i) {
        running.fetch_add(1);
        one.net->call(2, kLarge, "8000000", 60'000, again, PeerLane::bulk);
    }
    std::vector<std::uint64_t> took;
    for (int i = 0; i < 100 || (transfers <= 2 && failed == 0 && i < 2'000); ++i) {
        const std::uint64_t before = steady_ms();
        EXPECT_TRUE(one.ask(2, kEcho, "small"));
        took.push_back(steady_ms() - before);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    stop = true;
    ASSERT_TRUE(eventually([&] { return running == 0; }));
    EXPECT_GT(transfers.load(), 2);
    EXPECT_EQ(failed.load(), 0);
    std::sort(took.begin(), took.end());
    EXPECT_LT(took[took.size() / 2], kontor_test::patient_ms(50))
        << "small calls wait for 8 MB of TLS, which alone take longer";
}

}  // namespace
}  // namespace kontor::peer

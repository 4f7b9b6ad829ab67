// What a node refuses: what its log cannot hold, and more than it has room for.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "node_fixture.h"

namespace kontor::node::testing {
namespace {

// The indexes that object numbers derive from are used up: refused with a text, read on, started again.
TEST_F(NodeTest, AtTheEndOfTheIndexesOnlyReadsGoOn) {
    const auto with_few = [this] {
        NodeOptions few = options();
        few.last_index = 30;
        return few;
    };
    start(with_few());
    const auto shop = merchant("Shop");
    EXPECT_EQ(node_->full_index(), "");
    std::size_t made = 0;
    std::optional<Error> refused;
    while (!refused && made < 5'000) {
        const Outcome outcome = run(customer(shop, "c" + std::to_string(made)));
        if (outcome.second)
            refused = outcome.second;
        else
            ++made;
    }
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, ErrorCode::exhausted);
    EXPECT_NE(refused->message.find("used up"), std::string::npos) << refused->message;
    EXPECT_EQ(node_->full_index(), refused->message);
    EXPECT_GE(node_->stats().index_used, 1.0);
    EXPECT_TRUE(node_->ready());
    EXPECT_EQ(customers(shop), std::min<std::size_t>(made, 100));
    node_->stop();
    node_.reset();
    start(with_few());
    EXPECT_TRUE(node_->ready());
    EXPECT_EQ(customers(shop), std::min<std::size_t>(made, 100));
    EXPECT_EQ(run(customer(shop, "late")).second->code, ErrorCode::exhausted);
    EXPECT_EQ(fatal_.load(), 0);
}

TEST_F(NodeTest, ATextThatIsNotUtf8NeverReachesTheLog) {
    start();
    const auto shop = merchant("Shop");
    const auto refused = run(customer(shop, "bad \xFF name"));
    ASSERT_TRUE(refused.second);
    EXPECT_EQ(refused.second->code, ErrorCode::invalid_argument);
    ASSERT_TRUE(run(customer(shop, "good 名")).first) << "the node goes on";
    restart();
    EXPECT_EQ(customers(shop), 1U);
    EXPECT_EQ(fatal_.load(), 0);
}

TEST_F(NodeTest, ACommandLargerThanAnEntryIsRefused) {
    start();
    const auto shop = merchant("Shop");
    const auto refused = run(customer(shop, std::string(2U << 20U, 'x')));
    ASSERT_TRUE(refused.second);
    EXPECT_EQ(refused.second->code, ErrorCode::too_large);
}

TEST_F(NodeTest, AFullQueueSaysSoAndLosesNothingItTook) {
    NodeOptions small = options();
    small.max_queue_commands = 4;
    start(std::move(small));
    const auto shop = merchant("Shop");
    constexpr int kCommands = 400;
    std::vector<std::unique_ptr<Awaited>> all;
    for (int i = 0; i < kCommands; ++i) all.push_back(std::make_unique<Awaited>());
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&, t] {
            for (int i = t; i < kCommands; i += 2)
                node_->submit(customer(shop, "c"), all[static_cast<std::size_t>(i)]->done());
        });
    for (auto& thread : threads) thread.join();
    std::size_t taken = 0, refused = 0;
    for (const auto& one : all) {
        const Outcome outcome = one->wait();
        if (outcome.first) {
            ++taken;
        } else {
            ++refused;
            EXPECT_EQ(outcome.second->code, ErrorCode::overloaded);
        }
    }
    EXPECT_GT(taken, 0U);
    EXPECT_GT(refused, 0U);
    EXPECT_EQ(customers(shop), taken);
}

// The disk of the store is slow for as long as the test wants: memory, queue and log stay bounded, a
// command too much is refused, and what was taken is done once the checkpoint is.
TEST_F(NodeTest, ACheckpointThatDoesNotEndHoldsTheLogAtItsBound) {
    // The node outlives this function: its last checkpoint comes by here, too.
    struct Gate {
        std::mutex mutex;
        std::condition_variable changed;
        bool held = true;
    };
    const auto gate = std::make_shared<Gate>();
    NodeOptions small = options();
    small.max_log_bytes = 2U << 20U;
    small.log_segment_bytes = 256U << 10U;
    small.max_queue_commands = 64;
    small.crash_point = [gate](const char* step) {
        if (std::string_view(step) != "redo-synced") return;
        std::unique_lock lock(gate->mutex);
        gate->changed.wait(lock, [&] { return !gate->held; });
    };
    const std::uint64_t bound = small.max_log_bytes;
    start(std::move(small));
    const auto shop = merchant("Shop");
    std::mt19937_64 random(20'261'121);
    const auto large = [&](int number) {
        pb::Command command = customer(shop, "c" + std::to_string(number));
        std::string text;
        while (text.size() < 4'000) text += std::to_string(random());  // does not compress to nothing
        mutable_body(command, pb::create_customer)->set_description(text);
        return command;
    };
    std::vector<std::unique_ptr<Awaited>> all;
    std::size_t refused = 0, in_a_row = 0;
    std::uint64_t most = 0;
    for (int i = 0; i < 5'000 && in_a_row < 50; ++i) {
        all.push_back(std::make_unique<Awaited>());
        node_->submit(large(i), all.back()->done());
        most = std::max(most, node_->stats().log.log_bytes);
        // Refusals come at once; what is taken is answered later, or not while the checkpoint stands still.
        if (!all.back()->arrives_within(std::chrono::milliseconds(5))) {
            in_a_row = 0;
            continue;
        }
        const Outcome outcome = all.back()->wait();
        all.pop_back();
        if (outcome.first) {
            in_a_row = 0;
        } else {
            EXPECT_EQ(outcome.second->code, ErrorCode::overloaded) << outcome.second->describe();
            ++refused;
            ++in_a_row;
        }
    }
    EXPECT_EQ(in_a_row, 50U) << "somebody has to be refused";
    EXPECT_GT(all.size(), 0U) << "and somebody waits";
    EXPECT_LT(most, bound + bound / 4 + (1U << 20U));
    EXPECT_EQ(node_->stats().store.checkpoints, 0U);
    {
        const std::scoped_lock lock(gate->mutex);
        gate->held = false;
    }
    gate->changed.notify_all();
    for (const auto& one : all) EXPECT_TRUE(one->wait().first);
    ASSERT_TRUE(run(large(-1)).first) << "and it goes on";
    ASSERT_TRUE(node_->checkpoint());
    EXPECT_EQ(fatal_.load(), 0);
}

}  // namespace
}  // namespace kontor::node::testing

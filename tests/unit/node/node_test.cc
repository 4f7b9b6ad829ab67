#include "kontor/node/node.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "domains/all.h"
#include "domains/attempts/attempts.h"
#include "domains/customers/customers.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/links.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/page.h"
#include "kontor/machine/service.h"
#include "kontor/machine/times.h"
#include "kontor/node/folder.h"
#include "kontor/operators_bodies.pb.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "support/environment.h"
#include "support/methods.h"
#include "support/sandbox_account.h"

namespace kontor::node {
namespace {

using Outcome = std::pair<std::optional<pb::Result>, std::optional<Error>>;

template <typename F>
bool eventually(F condition) {
    for (int i = 0; i < 4000; ++i) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}

// One answer, however long it takes; that it comes once is checked too.
class Awaited {
 public:
    machine::Service::Done done() {
        return [this](const Result<machine::Answer>& answer) {
            const std::lock_guard lock(mutex_);
            EXPECT_FALSE(outcome_) << "answered twice";
            Outcome outcome;
            if (answer)
                outcome.first = answer->result;
            else
                outcome.second = answer.error();
            outcome_ = std::move(outcome);
            changed_.notify_all();
        };
    }
    bool arrived() {
        const std::lock_guard lock(mutex_);
        return outcome_.has_value();
    }
    bool arrives_within(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, time, [this] { return outcome_.has_value(); });
    }
    Outcome wait() {
        std::unique_lock lock(mutex_);
        const bool came =
            changed_.wait_for(lock, std::chrono::seconds(20), [this] { return outcome_.has_value(); });
        EXPECT_TRUE(came) << "no answer came";
        return came ? *outcome_ : Outcome{};
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Outcome> outcome_;
};

class NodeTest : public ::testing::Test {
 protected:
    NodeTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "kontor-node-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    ~NodeTest() override {
        node_.reset();
        std::filesystem::remove_all(folder_);
    }
    NodeOptions options() {
        NodeOptions options;
        options.folder = folder_ + "/data";
        options.partitions = 1;
        options.cache_bytes = 1U << 20U;
        options.map_bytes = 64U << 20U;
        options.log_segment_bytes = 1U << 20U;
        options.max_log_bytes = 16U << 20U;
        options.tick_ms = 20;
        options.clock = &system_clock();
        options.on_fatal = [this](const Error&) { ++fatal_; };
        metrics_ = std::make_unique<telemetry::Registry>();
        options.metrics = metrics_.get();
        return options;
    }
    void start(NodeOptions options) {
        auto node = Node::start(std::move(options));
        ASSERT_TRUE(node) << node.error().describe();
        node_ = *std::move(node);
    }
    void start() { start(options()); }
    void restart() {
        node_->stop();
        node_.reset();
        start();
    }

    Outcome run(pb::Command command) {
        Awaited awaited;
        command.set_version(1);
        node_->submit(std::move(command), awaited.done());
        return awaited.wait();
    }
    std::uint64_t merchant(const std::string& name) {
        pb::Command command;
        mutable_body(command, pb::create_merchant)->set_name(name);
        return object_in(*run(command).first, pb::merchant).no();
    }
    static pb::Command customer(std::uint64_t merchant_no, const std::string& name) {
        pb::Command command;
        command.set_version(1);
        command.set_merchant_no(merchant_no);
        mutable_body(command, pb::create_customer)->set_name(name);
        return command;
    }
    void open_sandbox() { ASSERT_TRUE(run(kontor_test::open_sandbox()).first); }
    static pb::Command card_payment(std::uint64_t merchant_no) {
        pb::Command command;
        command.set_version(1);
        command.set_merchant_no(merchant_no);
        auto& create = *mutable_body(command, pb::create_payment_intent);
        create.set_amount(1'000);
        create.set_currency(978);
        create.add_payment_method_types("card");
        *create.mutable_payment_method() = kontor_test::method("pm_card_visa");
        create.set_confirm(true);
        create.set_client_secret_suffix("x");
        return command;
    }
    std::size_t customers(std::uint64_t merchant_no) {
        std::size_t count = 0;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            machine::ListQuery query;
            query.limit = 10'000;
            count = customers::list_customers(rows, {merchant_no, false}, query).rows.size();
        });
        return count;
    }
    // The first byte of every copy of `text` in the store's files is changed.
    void damage(const std::string& text) const {
        std::size_t hits = 0;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(store_folder(folder_ + "/data"))) {
            if (!entry.is_regular_file()) continue;
            std::string bytes;
            {
                std::ifstream in(entry.path(), std::ios::binary);
                bytes.assign(std::istreambuf_iterator<char>(in), {});
            }
            std::fstream out(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            for (std::size_t at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1)) {
                out.seekp(static_cast<std::streamoff>(at));
                out.put('#');
                ++hits;
            }
        }
        ASSERT_GT(hits, 0U);
    }

    std::string folder_;
    std::atomic<int> fatal_{0};
    std::unique_ptr<telemetry::Registry> metrics_;
    std::unique_ptr<Node> node_;
};

TEST_F(NodeTest, WhatWasAcknowledgedIsThereAfterARestart) {
    start();
    const auto shop = merchant("Shop");
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(run(customer(shop, "c" + std::to_string(i))).first);
    const std::string hash = node_->state_hash();
    const auto index = node_->stats().applied_index;
    EXPECT_EQ(customers(shop), 20U);
    restart();
    EXPECT_EQ(customers(shop), 20U);
    EXPECT_GT(node_->stats().applied_index, index);
    ASSERT_TRUE(run(customer(shop, "one more")).first);
    EXPECT_EQ(customers(shop), 21U);
    EXPECT_NE(node_->state_hash(), hash);
    EXPECT_EQ(fatal_.load(), 0);
}

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

// The disk of the store is slow for as long as the test wants: memory, queue and log stay bounded, whoever
// comes too much is told so, and what was taken is done once the checkpoint is.
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

TEST_F(NodeTest, TheSameKeyTwiceAtOnceActsOnce) {
    start();
    const auto shop = merchant("Shop");
    pb::Command command = customer(shop, "once");
    command.set_idempotency_key("key");
    command.set_params_hash(std::string(32, 'h'));
    constexpr std::size_t kTries = 20;
    std::vector<std::unique_ptr<Awaited>> all;
    for (std::size_t i = 0; i < kTries; ++i) {
        all.push_back(std::make_unique<Awaited>());
        node_->submit(command, all.back()->done());
    }
    std::size_t fresh = 0;
    for (const auto& one : all) {
        const Outcome outcome = one->wait();
        ASSERT_TRUE(outcome.first);
        const pb::Result& result = *outcome.first;
        EXPECT_EQ(result.outcome(), machine::outcome::ok) << "all get the first one's answer";
        if (!result.replayed()) ++fresh;
    }
    EXPECT_EQ(fresh, 1U);
    EXPECT_EQ(customers(shop), 1U);
}

TEST_F(NodeTest, ARequestWaitsForItsChannelAndGetsTheEnd) {
    start();
    const auto shop = merchant("Shop");
    open_sandbox();
    Awaited payment;
    node_->submit(card_payment(shop), payment.done());
    std::vector<machine::Due> due;
    ASSERT_TRUE(eventually([&] {
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            due = attempts::due_attempts(rows, INT64_MAX, 10);
        });
        return due.size() == 1;
    }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(payment.arrived());
    pb::Command answer;
    mutable_body(answer, pb::channel_answered)->set_attempt_no(due[0].no);
    mutable_body(answer, pb::channel_answered)->set_state(pb::ATTEMPT_SUCCEEDED);
    mutable_body(answer, pb::channel_answered)->set_channel_reference("ref");
    ASSERT_TRUE(run(answer).first);
    const Outcome outcome = payment.wait();
    ASSERT_TRUE(outcome.first);
    EXPECT_EQ(object_in(*outcome.first, pb::payment_intent).status(), pb::SUCCEEDED);
}

TEST_F(NodeTest, AChannelThatIsSlowGivesTheInterimAnswer) {
    NodeOptions impatient = options();
    impatient.channel_wait_ms = 100;
    start(std::move(impatient));
    const auto shop = merchant("Shop");
    open_sandbox();
    const Outcome outcome = run(card_payment(shop));
    ASSERT_TRUE(outcome.first);
    EXPECT_EQ(object_in(*outcome.first, pb::payment_intent).status(), pb::PROCESSING);
}

TEST_F(NodeTest, StopAnswersWhoStillWaitsAndRefusesTheRest) {
    start();
    const auto shop = merchant("Shop");
    open_sandbox();
    Awaited payment;
    node_->submit(card_payment(shop), payment.done());
    ASSERT_TRUE(eventually([&] {
        std::size_t due = 0;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            due = attempts::due_attempts(rows, INT64_MAX, 10).size();
        });
        return due == 1;
    }));
    node_->stop();
    const Outcome outcome = payment.wait();
    ASSERT_TRUE(outcome.first) << "the payment is committed: its state is known";
    EXPECT_EQ(object_in(*outcome.first, pb::payment_intent).status(), pb::PROCESSING);
    EXPECT_FALSE(node_->ready());
    Awaited late;
    node_->submit(customer(shop, "late"), late.done());
    ASSERT_TRUE(late.wait().second);
    EXPECT_EQ(late.wait().second->code, ErrorCode::unavailable);
}

TEST_F(NodeTest, WhoRemembersKeysIsToldBeforeARevocationIsAnswered) {
    start();
    const std::uint64_t shop = merchant("shop");
    const auto with_hash = [&](auto& body) { body.set_key_sha256(std::string(32, 'h')); };
    pb::Command create;
    mutable_body(create, pb::create_api_key)->set_merchant_no(shop);
    with_hash(*mutable_body(create, pb::create_api_key));
    ASSERT_EQ(run(create).first->outcome(), machine::outcome::ok);
    const std::uint64_t before = node_->keys_version();
    EXPECT_NE(before, 0U);
    run(customer(shop, "Ada"));
    EXPECT_EQ(node_->keys_version(), before) << "no key has changed";

    pb::Command revoke;
    revoke.set_version(1);
    with_hash(*mutable_body(revoke, pb::revoke_api_key));
    std::uint64_t when_answered = before;
    Awaited awaited;
    node_->submit(revoke, [&, done = awaited.done()](const Result<machine::Answer>& answer) {
        when_answered = node_->keys_version();
        done(answer);
    });
    ASSERT_EQ(awaited.wait().first->outcome(), machine::outcome::ok);
    EXPECT_NE(when_answered, before);
    restart();
    EXPECT_NE(node_->keys_version(), when_answered)
        << "another life of the node: what was remembered is void";
}

TEST_F(NodeTest, SubscribersHearEachAuditRecordInOrderUntilTheyLeave) {
    start();
    const auto shop = merchant("Shop");
    std::mutex mutex;
    std::vector<std::uint64_t> numbers;
    const auto id = node_->subscribe([&](const machine::AppliedEntry& entry) {
        EXPECT_GT(entry.log_index, 0U);
        const std::lock_guard lock(mutex);
        for (const pb::AuditRecord& audit_record : *entry.audit_records) {
            if (audit_record.merchant_no() == 0) continue;  // the shop's own: told perhaps after we came
            numbers.push_back(audit_record.no());
        }
    });
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(run(customer(shop, "c")).first);
    ASSERT_TRUE(eventually([&] {  // the answer comes first
        const std::lock_guard lock(mutex);
        return numbers.size() >= 30;
    }));
    node_->unsubscribe(id);
    ASSERT_TRUE(run(customer(shop, "unheard")).first);
    const std::lock_guard lock(mutex);
    EXPECT_EQ(numbers.size(), 30U);
    EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_F(NodeTest, CheckpointIsDurableAndMovesOn) {
    start();
    const auto shop = merchant("Shop");
    ASSERT_TRUE(run(customer(shop, "c")).first);
    const auto before = node_->stats().store.last_checkpoint_index;
    ASSERT_TRUE(node_->checkpoint());
    EXPECT_GT(node_->stats().store.last_checkpoint_index, before);
}

TEST_F(NodeTest, ManyDueThingsAreWorkedOffWithoutWaitingForTheNextTick) {
    NodeOptions slow = options();
    slow.tick_ms = 500;
    start(std::move(slow));
    // Set-up tokens that run out at once: three Ticks' worth.
    constexpr std::size_t kTokens = 1'400;
    std::vector<std::unique_ptr<Awaited>> all;
    for (std::size_t i = 0; i < kTokens; ++i) {
        pb::Command command;
        command.set_version(1);
        std::string hash(32, 't');
        hash[0] = static_cast<char>(i & 0xFFU);
        hash[1] = static_cast<char>(i >> 8U);
        mutable_body(command, pb::create_setup_token)->set_token_sha256(hash);
        mutable_body(command, pb::create_setup_token)->set_lifetime_ms(1'000);
        all.push_back(std::make_unique<Awaited>());
        node_->submit(std::move(command), all.back()->done());
    }
    for (const auto& one : all) ASSERT_TRUE(one->wait().first);
    std::this_thread::sleep_for(std::chrono::milliseconds(1'100));
    const auto before = system_clock().monotonic_ms();
    ASSERT_TRUE(eventually([&] {
        machine::Times due{1, 0, 0};
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            due = machine::next_due(domains::registry(), rows);
        });
        return due.machine_ms == 0;
    }));
    EXPECT_LT(system_clock().monotonic_ms() - before, kontor_test::patient_ms(2'500));
}

TEST_F(NodeTest, ABrokenRowStopsTheNodeAndEveryWaiterHears) {
    start();
    const auto shop = merchant("Findable Shop");
    ASSERT_TRUE(run(customer(shop, "c")).first);
    node_->stop();
    node_.reset();
    damage("Findable Shop");
    NodeOptions large = options();
    large.check_up_to_bytes = 0;  // a large store: it is not read whole at the start
    start(std::move(large));
    const Outcome outcome = run(customer(shop, "of a merchant whose row is broken"));
    ASSERT_TRUE(outcome.second) << "nothing may be acknowledged";
    EXPECT_EQ(outcome.second->code, ErrorCode::timeout) << "it is in the log: its outcome is not known";
    EXPECT_EQ(fatal_.load(), 1);
    EXPECT_FALSE(node_->ready());
    EXPECT_EQ(run(customer(shop, "later")).second->code, ErrorCode::unavailable);
    EXPECT_THROW(node_->read([](const store::Reader&, std::uint64_t) {}), store::StoreFailure);
    node_->stop();
    EXPECT_EQ(fatal_.load(), 1);
}

}  // namespace
}  // namespace kontor::node

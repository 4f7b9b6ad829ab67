// What a node keeps, tells its listeners, does by itself, and does when its state is broken.
#include "kontor/node/node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "domains/all.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/times.h"
#include "kontor/operators_bodies.pb.h"
#include "node_fixture.h"
#include "support/environment.h"
#include "support/eventually.h"

namespace kontor::node::testing {
namespace {

using kontor_test::eventually;

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
    constexpr std::uint64_t kSlowTickMs = 3'000;
    NodeOptions slow = options();
    slow.tick_ms = kSlowTickMs;
    start(std::move(slow));
    // Set-up tokens that run out at once: eleven Ticks' worth, which would take half a minute one after the
    // other.
    constexpr std::size_t kTokens = 10 * machine::limits::kDuePerEntry + 100;
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
    const auto next_due_ms = [&] {
        machine::Times due{1, 0, 0};
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            due = machine::next_due(domains::registry(), rows);
        });
        return due.machine_ms;
    };
    const auto first_ms = next_due_ms();
    ASSERT_TRUE(eventually([&] { return next_due_ms() != first_ms; })) << "the first Tick";
    ASSERT_TRUE(eventually([&] { return next_due_ms() == 0; })) << "the others wait for the next tick";
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
}  // namespace kontor::node::testing

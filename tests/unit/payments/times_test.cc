// Two times in an entry (docs/adr/0010): what each is for, and that a wall clock that steps holds nothing up.
#include "kontor/machine/times.h"
#include "domains/attempts/attempts.h"
#include "domains/balances/balances.h"
#include "domains/customers/customers.h"
#include "domains/operators/limits.h"
#include "domains/operators/operators.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/page.h"
#include "kontor/operators_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

constexpr std::int64_t kSteps[] = {1, -1, 8, -8, 3600, -3600, 40 * 86'400, -40 * 86'400};  // seconds

pb::Result open_session(World& world, std::uint64_t who, char cookie, std::int64_t lifetime_ms,
                        std::uint64_t code_step) {
    return world.run([&](pb::Command& c) {
        auto& open = *mutable_body(c, pb::open_session);
        open.set_operator_no(who);
        open.set_cookie_sha256(std::string(32, cookie));
        open.set_lifetime_ms(lifetime_ms);
        open.set_totp_step(code_step);
    });
}
std::uint64_t make_operator(World& world, const std::string& name = "ada") {
    const std::string token(32, name[0]);
    world.run([&](pb::Command& c) {
        mutable_body(c, pb::create_setup_token)->set_token_sha256(token);
        mutable_body(c, pb::create_setup_token)->set_lifetime_ms(kHour);
    });
    return object_in(world.run([&](pb::Command& c) {
               mutable_body(c, pb::set_up_operator)->set_token_sha256(token);
               mutable_body(c, pb::set_up_operator)->set_name(name);
           }),
                     pb::operator_)
        .no();
}
std::uint64_t code_step(const World& world) {
    return static_cast<std::uint64_t>((world.now + world.wall_ahead) / operators::limits::kTotpStepMs);
}

struct Times : ::testing::Test {
    World world;
    LogTimes last() const { return last_times(world.rows); }
};

TEST_F(Times, MachineTimeNeverGoesBack) {
    world.make_merchant();
    world.make_customer();
    EXPECT_EQ(last().machine_ms, kStart);
    world.now -= kHour;
    world.make_customer();
    EXPECT_EQ(last().machine_ms, kStart);
    world.now += 2 * kHour;
    world.make_customer();
    EXPECT_EQ(last().machine_ms, kStart + kHour);
}

TEST_F(Times, RunningTimePassesWhileEntriesAreMade) {
    world.make_merchant();
    std::int64_t running = last().running_ms;
    const auto passes = [&](std::int64_t step_ms) {
        world.now += step_ms;
        const std::int64_t at = times_at(world.rows, world.now, world.now).running_ms;
        world.make_customer();
        EXPECT_EQ(last().running_ms, at) << "due work is looked for by the time that its entry will have";
        return at - std::exchange(running, at);
    };
    constexpr std::int64_t kGap = machine::limits::kRunningGapMs;
    EXPECT_EQ(passes(1), 1);
    EXPECT_EQ(passes(kGap - 1), kGap - 1);
    EXPECT_EQ(passes(kGap), kGap);
    EXPECT_EQ(passes(kGap + 1), kGap);
    EXPECT_EQ(passes(400 * kDay), kGap);
    EXPECT_EQ(passes(-kDay), 0);
    EXPECT_EQ(passes(kDay + 5), 5);
}

TEST_F(Times, UtcFollowsTheWallClockBothWaysAndWaitsForASmallCorrection) {
    world.make_merchant();
    const auto created = [&](std::int64_t ahead) {
        world.wall_ahead = ahead;
        const auto no = world.make_customer();
        return customers::find_customer(world.rows, world.scope, no)->created_ms();
    };
    EXPECT_EQ(created(kHour), kStart + kHour);
    EXPECT_EQ(created(kHour - machine::limits::kUtcHoldMs), kStart + kHour);
    EXPECT_EQ(created(kHour - machine::limits::kUtcHoldMs - 1),
              kStart + kHour - machine::limits::kUtcHoldMs - 1);
    EXPECT_EQ(created(-40 * kDay), kStart - 40 * kDay);
    EXPECT_EQ(last().utc_ms, kStart - 40 * kDay);
    EXPECT_EQ(last().highest_utc_ms, kStart + kHour);
    EXPECT_EQ(last().machine_ms, kStart);
}

TEST_F(Times, ListsByTimeFindEverythingAfterTheClockWentBack) {
    world.make_merchant();
    std::multimap<std::int64_t, std::uint64_t> all;
    for (const std::int64_t ahead : {std::int64_t{0}, kHour, -kHour, 2 * kHour, -kDay, std::int64_t{0}}) {
        world.wall_ahead = ahead;
        for (int i = 0; i < 5; ++i) {
            world.now += 60 * kSecond;
            all.emplace(world.now + ahead, world.make_customer());
        }
    }
    for (const std::int64_t from :
         {kStart - 2 * kDay, kStart - kHour, kStart, kStart + kHour, kStart + 3 * kHour}) {
        for (const std::int64_t to :
             {kStart - kHour, kStart + 20 * 60 * kSecond, kStart + kHour, kStart + kDay}) {
            ListQuery query;
            query.limit = 100;
            query.created_gte_ms = from;
            query.created_lt_ms = to;
            std::set<std::uint64_t> wanted, found;
            for (const auto& [created, no] : all)
                if (created >= from && created < to) wanted.insert(no);
            for (const auto& row : customers::list_customers(world.rows, world.scope, query).rows)
                found.insert(row.no());
            EXPECT_EQ(found, wanted) << from - kStart << " to " << to - kStart;
        }
    }
}

TEST_F(Times, StepsThatAreRememberedAreBounded) {
    world.make_merchant();
    for (std::size_t i = 0; i < 2 * machine::limits::kUtcStepsKept; ++i) {
        world.wall_ahead = -static_cast<std::int64_t>(i) * kHour;
        world.make_customer();
    }
    std::size_t rows = 0;
    world.rows.scan(store::TableId{10}, "u", "u" + std::string(9, '\xff'), store::Direction::ascending,
                    [&](std::string_view, std::string_view) { return ++rows != 0; });
    EXPECT_EQ(rows, machine::limits::kUtcStepsKept);
}

TEST_F(Times, WhatIsWaitingGoesByMachineTimeWhateverTheWallClockDoes) {
    for (const std::int64_t step_s : kSteps) {
        World own;
        own.make_merchant();
        const std::int64_t ahead = step_s * 1000;
        for (const bool wrong_first : {false, true}) {
            SCOPED_TRACE(std::to_string(step_s) + (wrong_first ? " s, then right" : " s"));
            own.wall_ahead = wrong_first ? ahead : 0;
            own.pay("pm_card_visa", 1'000);
            const auto due = attempts::due_attempts(own.rows, own.now, 10);
            const auto who = make_operator(own, wrong_first ? "ben" : "ada");
            ASSERT_EQ(
                open_session(own, who, wrong_first ? 'b' : 'a', 2 * kSecond, code_step(own) + 1).outcome(),
                machine::outcome::ok);
            own.wall_ahead = wrong_first ? 0 : ahead;
            EXPECT_EQ(due.size(), 1U) << "a card payment waits for nothing";
            for (const auto& one : due) own.succeed(one.no);
            own.now += 2 * kSecond - 1;
            own.tick();
            const std::string cookie(32, wrong_first ? 'b' : 'a');
            EXPECT_TRUE(operators::find_session(own.rows, cookie));
            own.now += 1;
            own.tick();
            EXPECT_FALSE(operators::find_session(own.rows, cookie));
        }
    }
}

TEST_F(Times, FundsOfAClockThatWasAheadAreNotHeldUntilThen) {
    world.make_merchant(0, 0, 2);
    const auto balance = [&] { return balances::merchant_balance(world.rows, world.scope).at(0); };
    const auto customer = world.customer_with(100);
    world.wall_ahead = 40 * kDay;
    world.wallet(100, customer);
    world.wall_ahead = 0;
    world.now += kDay;
    world.tick();
    EXPECT_EQ(balance().pending, 100) << "not early";
    world.now += kDay + 2 * kHour;
    world.tick();
    EXPECT_EQ(balance().available, 100);
    const auto row = balances::list_balance_transactions(world.rows, world.scope, {}).rows.at(0);
    EXPECT_TRUE(row.available());
    EXPECT_EQ(row.available_on_ms(), world.now) << "no day that is still to come";
    EXPECT_FALSE(is_due(next_due(domains::registry(), world.rows), {world.now, world.now}));
}

TEST_F(Times, FundsOfAClockThatWasBehindAreReleasedWhenItIsRight) {
    world.make_merchant(0, 0, 2);
    const auto customer = world.customer_with(100);
    world.wall_ahead = -40 * kDay;
    world.wallet(100, customer);
    world.wall_ahead = 0;
    world.tick();
    EXPECT_EQ(balances::merchant_balance(world.rows, world.scope).at(0).available, 100);
}

TEST_F(Times, MachineTimeThatJumpsReleasesNothingBeforeItsDay) {
    world.make_merchant(0, 0, 2);
    const auto customer = world.customer_with(100);
    world.wallet(100, customer);
    world.now += 30 * kDay;  // a start with a clock that is right, after it was behind
    world.wall_ahead = -30 * kDay;
    world.tick();
    EXPECT_EQ(balances::merchant_balance(world.rows, world.scope).at(0).pending, 100);
    world.wall_ahead += 2 * kDay;
    world.tick();
    EXPECT_EQ(balances::merchant_balance(world.rows, world.scope).at(0).available, 100);
}

TEST_F(Times, CodesOfAClockThatWasAheadRefuseNoOthersAndAreNotUsedTwice) {
    const auto who = make_operator(world);
    world.wall_ahead = kHour;
    const std::uint64_t ahead = code_step(world);
    EXPECT_EQ(open_session(world, who, 'a', kHour, ahead).outcome(), machine::outcome::ok);
    EXPECT_EQ(operators::last_code_step(*operators::find_operator(world.rows, who), kStart + kHour), ahead);
    world.wall_ahead = 0;
    EXPECT_EQ(operators::last_code_step(*operators::find_operator(world.rows, who), kStart), 0U);
    EXPECT_EQ(open_session(world, who, 'b', kHour, code_step(world)).outcome(), machine::outcome::ok);
    EXPECT_EQ(open_session(world, who, 'c', kHour, code_step(world)).outcome(),
              machine::outcome::token_invalid);
    world.now += kHour;
    EXPECT_EQ(code_step(world), ahead);
    EXPECT_EQ(open_session(world, who, 'd', kHour, ahead).outcome(), machine::outcome::token_invalid);
    EXPECT_EQ(open_session(world, who, 'e', kHour, ahead + 1).outcome(), machine::outcome::ok);
    EXPECT_EQ(operators::find_operator(world.rows, who)->totp_steps_ahead_size(), 0);
}

TEST_F(Times, AFloodOfOneKindDelaysNoOther) {
    world.make_merchant(0, 0, 1);
    const auto customer = world.customer_with(100);
    world.wallet(100, customer);
    const auto who = make_operator(world);
    ASSERT_EQ(open_session(world, who, 'a', kHour, code_step(world)).outcome(), machine::outcome::ok);
    std::vector<ledger::Account> accounts(2);
    for (std::size_t i = 0; i < 2; ++i) {
        accounts[i].id = {0, i + 1};
        accounts[i].ledger = kEur;
        accounts[i].code = 1;
    }
    world.run([&](pb::Command& c) {
        mutable_body(c, pb::create_ledger_accounts)->set_packed(ledger::pack(accounts));
    });
    std::vector<ledger::Transfer> transfers(2'000);
    for (std::size_t i = 0; i < transfers.size(); ++i) {
        transfers[i].id = {0, i + 1};
        transfers[i].debit_account = {0, 1};
        transfers[i].credit_account = {0, 2};
        transfers[i].amount = 1;
        transfers[i].ledger = kEur;
        transfers[i].code = 1;
        transfers[i].flags = ledger::pending;
        transfers[i].timeout_s = 1;
    }
    const auto made = world.run([&](pb::Command& c) {
        mutable_body(c, pb::create_ledger_transfers)->set_packed(ledger::pack(transfers));
    });
    ASSERT_EQ(made.ledger_statuses(), std::string(transfers.size(), '\0'));
    const auto reserved = [&] {
        return ledger::find_account(world.rows, {0, 2}, ledger::book_of(world.scope.merchant_no, false))
            ->credits_pending;
    };
    world.now += 2 * kDay;
    world.tick();
    EXPECT_EQ(balances::merchant_balance(world.rows, world.scope).at(0).available, 100);
    EXPECT_FALSE(operators::find_session(world.rows, std::string(32, 'a')));
    EXPECT_GE(transfers.size() - reserved(), 400U) << "and the flood has what the others leave";
    for (int i = 0; i < 4; ++i) world.tick();
    EXPECT_EQ(reserved(), 0U);
}

}  // namespace
}  // namespace kontor::payments::testing

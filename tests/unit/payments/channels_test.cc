// Accounts at channels, and the routes of payments to them.
#include "domains/channels/channels.h"

#include "domains/attempts/attempts.h"
#include "domains/channels/limits.h"
#include "domains/channels/outcomes.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/machine/outcome.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

constexpr std::uint32_t kUsd = 840;

struct Entry {
    std::string method;
    std::uint32_t currency;
    std::uint64_t account;
};

class Channels : public ::testing::Test {
 protected:
    Channels() { merchant = world.make_merchant(); }
    ~Channels() override {
        const AuditReport report = world.audit();
        for (const Break& broken : report.breaks)
            ADD_FAILURE() << broken.domain << ": " << broken.invariant << ": " << broken.first;
    }
    pb::Result open(std::uint64_t merchant_no, bool livemode = false,
                    const std::vector<std::uint32_t>& currencies = {}) {
        return world.run([&](pb::Command& c) {
            auto& o = *mutable_body(c, pb::open_channel_account);
            o.set_connector("sandbox");
            o.set_name("Another");
            o.set_merchant_no(merchant_no);
            o.set_livemode(livemode);
            auto& served = *o.add_serves();
            served.set_type("card");
            for (const std::uint32_t currency : currencies) served.add_currencies(currency);
        });
    }
    std::uint64_t opened(std::uint64_t merchant_no, bool livemode = false,
                         const std::vector<std::uint32_t>& currencies = {}) {
        const auto result = open(merchant_no, livemode, currencies);
        EXPECT_EQ(result.outcome(), machine::outcome::ok) << result.error().message();
        return object_in(result, pb::channel_account).no();
    }
    pb::Result route(std::uint64_t merchant_no, const std::vector<Entry>& entries, bool livemode = false) {
        return world.run([&](pb::Command& c) {
            auto& s = *mutable_body(c, pb::set_channel_routes);
            s.set_merchant_no(merchant_no);
            s.set_livemode(livemode);
            for (const Entry& entry : entries) {
                auto& one = *s.add_entries();
                one.set_method(entry.method);
                one.set_currency(entry.currency);
                one.set_account_no(entry.account);
            }
        });
    }
    pb::Result disable(std::uint64_t no, bool disabled = true) {
        return world.run([&](pb::Command& c) {
            mutable_body(c, pb::change_channel_account)->set_no(no);
            mutable_body(c, pb::change_channel_account)->set_disabled(disabled);
        });
    }
    // The account that takes a card payment; 0: it was refused.
    std::uint64_t taken_by(std::uint32_t currency = kEur) {
        const auto result = world.pay("pm_card_visa", 100, 0, [&](pb::Command&, pb::CreatePaymentIntent& p) {
            p.set_currency(currency);
        });
        if (result.outcome() == channels::outcome::no_channel) {
            refusal = result.error().message();
            return 0;
        }
        return attempts::find_attempt(world.rows, result.waiting_on())->account_no();
    }

    World world;
    std::uint64_t merchant = 0;
    std::string refusal;
};

TEST_F(Channels, NumbersAreSmallAndInOrder) {
    EXPECT_EQ(opened(0), 2U);
    EXPECT_EQ(opened(merchant), 3U);
    EXPECT_EQ(opened(0, true), 4U);
    EXPECT_EQ(channels::list_accounts(world.rows, 0, 10).size(), 4U);
    EXPECT_EQ(channels::list_accounts(world.rows, 3, 10).size(), 1U);
    EXPECT_EQ(channels::list_accounts(world.rows, 0, 2).size(), 2U);
}

TEST_F(Channels, WithoutARouteThePaymentIsRefusedAndChangesNothing) {
    ASSERT_EQ(route(0, {}).outcome(), machine::outcome::ok);
    const auto before = world.rows.rows();
    EXPECT_EQ(taken_by(), 0U);
    EXPECT_TRUE(refusal.starts_with("There is no channel for card payments in EUR in test mode.")) << refusal;
    auto after = world.rows.rows();
    EXPECT_EQ(after.size(), before.size());
    EXPECT_EQ(world.pay("pm_card_visa", 100).error().param(), "payment_method");
}

TEST_F(Channels, LiveModeHasItsOwnRoutes) {
    world.scope.livemode = true;
    EXPECT_EQ(taken_by(), 0U);
    EXPECT_TRUE(refusal.starts_with("There is no channel for card payments in EUR in live mode.")) << refusal;
    const auto live = opened(0, true);
    EXPECT_EQ(route(0, {{"card", 0, live}}, true).outcome(), machine::outcome::ok);
    EXPECT_EQ(taken_by(), live);
}

TEST_F(Channels, TheMerchantsOwnComeFirstAndACurrencyBeforeAny) {
    const auto euro = opened(0, false, {kEur, kUsd});
    ASSERT_EQ(route(0, {{"card", 0, 1}, {"card", kEur, euro}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(taken_by(kEur), euro);
    EXPECT_EQ(taken_by(kJpy), 1U);
    const auto own = opened(merchant, false, {kUsd});
    ASSERT_EQ(route(merchant, {{"card", kUsd, own}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(taken_by(kUsd), own);
    EXPECT_EQ(taken_by(kEur), euro) << "what the merchant does not say is the platform's";
    const auto shop = world.scope;
    world.make_merchant();
    EXPECT_EQ(taken_by(kUsd), 1U) << "another merchant has none of his";
    world.scope = shop;
    ASSERT_EQ(route(merchant, {}).outcome(), machine::outcome::ok);
    EXPECT_EQ(taken_by(kUsd), 1U);
}

TEST_F(Channels, AnAccountThatIsNamedIsNotDisabled) {
    EXPECT_EQ(disable(1).outcome(), machine::outcome::unexpected_state);
    const auto other = opened(0);
    ASSERT_EQ(route(merchant, {{"card", 0, 1}}).outcome(), machine::outcome::ok);
    ASSERT_EQ(route(0, {{"card", 0, other}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(disable(1).outcome(), machine::outcome::unexpected_state) << "a merchant's routes name it";
    ASSERT_EQ(route(merchant, {{"card", 0, other}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(disable(1).outcome(), machine::outcome::ok);
    EXPECT_EQ(route(0, {{"card", 0, 1}}).outcome(), machine::outcome::invalid_parameter) << "it is disabled";
    EXPECT_EQ(disable(1, false).outcome(), machine::outcome::ok);
    EXPECT_EQ(route(0, {{"card", 0, 1}}).outcome(), machine::outcome::ok);
}

TEST_F(Channels, RoutesAreLookedAtBeforeAnythingIsWritten) {
    const auto other_merchant = [&] {
        const auto mine = world.scope;
        const auto no = world.make_merchant();
        world.scope = mine;
        return no;
    }();
    const auto live = opened(0, true), foreign = opened(other_merchant), euro = opened(0, false, {kEur});
    const auto before = world.rows.rows();
    const auto refused = [&](const std::vector<Entry>& entries, std::uint32_t outcome) {
        EXPECT_EQ(route(merchant, entries).outcome(), outcome);
        EXPECT_EQ(world.rows.rows().size(), before.size());
    };
    refused({{"card", 0, 99}}, machine::outcome::resource_missing);
    refused({{"card", 0, live}}, machine::outcome::invalid_parameter);
    refused({{"card", 0, foreign}}, machine::outcome::invalid_parameter);
    refused({{"wallet", 0, 1}}, machine::outcome::invalid_parameter);
    refused({{"card", 0, euro}}, machine::outcome::invalid_parameter);
    refused({{"card", kUsd, euro}}, machine::outcome::invalid_parameter);
    refused({{"card", 0, 1}, {"card", 0, 1}}, machine::outcome::invalid_parameter);
    EXPECT_EQ(route(12345, {{"card", 0, 1}}).outcome(), machine::outcome::resource_missing);
    std::vector<Entry> most;
    for (int i = 0; i <= channels::limits::kRoutes; ++i)
        most.push_back({"card", static_cast<std::uint32_t>(i), 1});
    refused(most, machine::outcome::limit_reached);
    most.pop_back();
    EXPECT_EQ(route(merchant, most).outcome(), machine::outcome::ok);
}

TEST_F(Channels, AnAccountNeedsWhatItNeeds) {
    EXPECT_EQ(open(12345).outcome(), machine::outcome::resource_missing);
    const auto bad = [&](auto fill) {
        return world
            .run([&](pb::Command& c) {
                c = kontor_test::open_sandbox();
                fill(*mutable_body(c, pb::open_channel_account));
            })
            .outcome();
    };
    const std::uint32_t invalid = machine::outcome::invalid_parameter;
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { o.clear_connector(); }), invalid);
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { o.clear_serves(); }), invalid);
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { o.clear_name(); }), invalid);
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) {
                  o.set_sealed_credentials(std::string(channels::limits::kCredentialsBytes + 1, 's'));
              }),
              invalid);
    EXPECT_EQ(channels::list_accounts(world.rows, 0, 10).size(), 1U);
}

// Which account has the money follows it: captures, refunds and what is given back go where it came from.
TEST_F(Channels, MoneyStaysWithItsAccount) {
    const auto second = opened(0);
    auto first = world.authorize("pm_card_visa", 300);
    world.succeed(first.waiting_on());
    ASSERT_EQ(route(0, {{"card", 0, second}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(disable(1).outcome(), machine::outcome::ok) << "no new payments, and the old ones go on";
    const auto no = object_in(first, pb::payment_intent).no();
    auto capture = world.capture(no);
    EXPECT_EQ(attempts::find_attempt(world.rows, capture.waiting_on())->account_no(), 1U);
    world.succeed(capture.waiting_on());
    auto refund = world.refund(no, 100);
    EXPECT_EQ(attempts::find_attempt(world.rows, refund.waiting_on())->account_no(), 1U);
    world.succeed(refund.waiting_on());
    const auto paid = world.card(50);
    const auto posted = [&](std::uint64_t account) {
        const auto row = ledger::find_account(
            world.rows, ledger::system_account(ledger::AccountKind::channel_receivable,
                                               ledger::ledger_number(kEur, false), account));
        return row ? static_cast<std::int64_t>(row->debits_posted) -
                         static_cast<std::int64_t>(row->credits_posted)
                   : 0;
    };
    EXPECT_EQ(posted(1), 200);
    EXPECT_EQ(posted(second), 50);
    EXPECT_EQ(world.charge_of(object_in(paid, pb::payment_intent).no()).account_no(), second);
}

// The payment path is measured: a payment of a merchant without routes of his own reads one row for its
// route.
TEST_F(Channels, ARouteIsTwoRowsAtMost) {
    class Counting : public kontor::testing::MemoryRows {
     public:
        explicit Counting(const kontor::testing::MemoryRows& rows) : MemoryRows(rows) {}
        std::optional<std::string_view> get(store::TableId table, std::string_view key) const override {
            if (table >= 36 && table <= 38) ++reads;
            return MemoryRows::get(table, key);
        }
        mutable int reads = 0;
    };
    const auto reads = [&] {
        Counting rows(world.rows);
        pb::Batch batch = world.batch();
        *batch.add_commands() = world.pay_command("pm_card_visa", 100);
        Effects effects;
        domains::Machine().apply(rows, world.index + 1, batch, effects);
        EXPECT_NE(effects.results.at(0).waiting_on(), 0U);
        return rows.reads;
    };
    EXPECT_EQ(reads(), 1);
    ASSERT_EQ(route(merchant, {{"card", kUsd, 1}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(reads(), 2);
    ASSERT_EQ(route(merchant, {{"card", 0, 1}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(reads(), 1);
}

}  // namespace
}  // namespace kontor::payments::testing

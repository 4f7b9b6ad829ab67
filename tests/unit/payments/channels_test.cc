// Accounts at channels, and the routes of payments to them.
#include "domains/channels/channels.h"

#include "domains/attempts/attempts.h"
#include "domains/channels/limits.h"
#include "domains/channels/outcomes.h"
#include "kontor/attempts_bodies.pb.h"
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
    ~Channels() override { world.expect_whole(); }
    static inline const std::vector<std::string> kAll = {"sale", "authorize", "capture", "void", "refund"};
    pb::Result open(std::uint64_t merchant_no, bool livemode = false,
                    const std::vector<std::uint32_t>& currencies = {},
                    const std::vector<std::string>& operations = kAll) {
        return world.run([&](pb::Command& c) {
            auto& o = *mutable_body(c, pb::open_channel_account);
            o.set_connector("sandbox");
            o.set_name("Another");
            o.set_merchant_no(merchant_no);
            o.set_livemode(livemode);
            auto& served = *o.add_serves();
            served.set_type("card");
            for (const std::uint32_t currency : currencies) served.add_currencies(currency);
            for (const std::string& operation : operations) served.add_operations(operation);
        });
    }
    std::uint64_t opened(std::uint64_t merchant_no, bool livemode = false,
                         const std::vector<std::uint32_t>& currencies = {},
                         const std::vector<std::string>& operations = kAll) {
        const auto result = open(merchant_no, livemode, currencies, operations);
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
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { o.mutable_serves(0)->clear_operations(); }), invalid);
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { o.mutable_serves(0)->add_operations("sale"); }), invalid)
        << "twice";
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { *o.add_serves() = o.serves(0); }), invalid) << "twice";
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) {
                  for (int i = o.serves_size(); i <= channels::limits::kMethods; ++i) {
                      *o.add_serves() = o.serves(0);
                      o.mutable_serves(i)->set_type("m" + std::to_string(i));
                  }
              }),
              invalid);
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) {
                  for (int i = o.serves_size(); i < channels::limits::kMethods; ++i) {
                      *o.add_serves() = o.serves(0);
                      o.mutable_serves(i)->set_type("m" + std::to_string(i));
                  }
              }),
              machine::outcome::ok)
        << "as many as there may be";
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { o.mutable_serves(0)->add_operations("payout"); }), invalid)
        << "there is none of that name yet";
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) { o.clear_name(); }), invalid);
    EXPECT_EQ(bad([](pb::OpenChannelAccount& o) {
                  o.set_sealed_credentials(std::string(channels::limits::kCredentialsBytes + 1, 's'));
              }),
              invalid);
    EXPECT_EQ(channels::list_accounts(world.rows, 0, 10).size(), 2U)
        << "the one of the start, and the full one";
}

// Four eyes: two changes wait, and each was made of the credentials that were there when it was proposed. The
// second would bring back the values that the first one changed.
TEST_F(Channels, CredentialsAreMadeOfThoseThatAreThere) {
    const auto change = [&](const std::string& sealed, const std::string& made_from) {
        return world.run([&](pb::Command& c) {
            auto& wanted = *mutable_body(c, pb::change_channel_account);
            wanted.set_no(1);
            wanted.set_sealed_credentials(sealed);
            wanted.add_set_fields("link_key");
            if (!made_from.empty()) wanted.set_made_from(made_from);
        });
    };
    const auto digest = [&] {
        return channels::digest_of_credentials(*channels::find_account(world.rows, 1));
    };
    const std::string read_by_both = digest();
    EXPECT_EQ(read_by_both.size(), channels::limits::kMadeFromBytes);
    EXPECT_EQ(change("unchecked", "").outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(change("unchecked", read_by_both.substr(1)).outcome(), machine::outcome::invalid_parameter);
    ASSERT_EQ(change("of the first", read_by_both).outcome(), machine::outcome::ok);
    const auto before = world.rows.rows().size();
    const pb::Result late = change("of the second", read_by_both);
    EXPECT_EQ(late.outcome(), channels::outcome::credentials_changed);
    EXPECT_EQ(late.error().message(), "The credentials were changed meanwhile: send the change again.");
    EXPECT_EQ(world.rows.rows().size(), before);
    EXPECT_EQ(channels::find_account(world.rows, 1)->sealed_credentials(), "of the first");
    EXPECT_EQ(change("of the second", digest()).outcome(), machine::outcome::ok) << "made anew";
}

TEST_F(Channels, AConnectorWithoutRefundsIsAskedForNone) {
    const auto account = opened(0, false, {}, {"sale", "authorize", "capture", "void"});
    ASSERT_EQ(route(0, {{"card", 0, account}}).outcome(), machine::outcome::ok);
    const auto no = object_in(world.card(300), pb::payment_intent).no();
    const auto before = world.rows.rows().size();
    const pb::Result refused = world.refund(no, 100);
    EXPECT_EQ(refused.outcome(), channels::outcome::operation_not_offered);
    EXPECT_EQ(refused.error().message(), "The channel of this payment offers no refund for card payments.");
    EXPECT_EQ(world.rows.rows().size(), before) << "what is refused leaves no row";
}

TEST_F(Channels, AConnectorWithoutAuthorisationsTakesSalesOnly) {
    const auto account = opened(0, false, {}, {"sale", "refund"});
    ASSERT_EQ(route(0, {{"card", 0, account}}).outcome(), machine::outcome::ok);
    EXPECT_EQ(world.authorize("pm_card_visa", 300).outcome(), channels::outcome::operation_not_offered);
    EXPECT_EQ(taken_by(), account);
}

// Or the payer's money would stay where nobody reaches it.
TEST_F(Channels, WhatIsAuthorisedCanBeCapturedAndGivenBack) {
    for (const std::vector<std::string>& operations : {std::vector<std::string>{"sale", "authorize"},
                                                       {"sale", "authorize", "capture"},
                                                       {"sale", "authorize", "void"}})
        EXPECT_EQ(open(0, false, {}, operations).outcome(), machine::outcome::invalid_parameter);
    const auto account = opened(0, false, {}, {"sale"});
    ASSERT_EQ(route(0, {{"card", 0, account}}).outcome(), machine::outcome::ok);
    const auto refused = world.authorize("pm_card_visa", 300);
    EXPECT_EQ(refused.outcome(), channels::outcome::operation_not_offered);
    EXPECT_EQ(refused.waiting_on(), 0U);
}

// A payment does not look at its account: a route promises a sale.
TEST_F(Channels, ARouteNeedsSales) {
    const auto account = opened(0, false, {}, {"refund"});
    EXPECT_EQ(route(0, {{"card", 0, account}}).outcome(), machine::outcome::invalid_parameter);
}

TEST(ChannelNotices, AnAccountRemembersSoManyAndNoMore) {
    World world;  // whose counter is ahead of its rows
    world.make_merchant();
    const auto payment = world.pay("pm_card_visa", 100);
    store_integer(world.rows, 36, Key().byte('n').be64(1), channels::limits::kNotices - 1);
    const auto notify = [&](const std::string& id) {
        return world
            .run([&](pb::Command& c) {
                auto& notified = *mutable_body(c, pb::channel_notified);
                notified.set_account_no(1);
                notified.set_notice_id(id);
                notified.mutable_answer()->set_attempt_no(payment.waiting_on());
                notified.mutable_answer()->set_state(pb::ATTEMPT_UNKNOWN);
            })
            .outcome();
    };
    EXPECT_EQ(notify("the last one"), machine::outcome::ok);
    EXPECT_EQ(notify("one more"), channels::outcome::too_many_notices);
    EXPECT_EQ(notify("the last one"), machine::outcome::ok) << "it is known";
    EXPECT_EQ(channels::count_notices(world.rows, 1), channels::limits::kNotices);
}

// Only the counter moves: the account has up to 64 KiB of credentials.
TEST_F(Channels, ANoticeDoesNotRewriteTheAccount) {
    const auto payment = world.pay("pm_card_visa", 100);
    const auto notify = [&](const std::string& id) {
        return world.run([&](pb::Command& c) {
            auto& notified = *mutable_body(c, pb::channel_notified);
            notified.set_account_no(1);
            notified.set_notice_id(id);
            notified.mutable_answer()->set_attempt_no(payment.waiting_on());
            notified.mutable_answer()->set_state(pb::ATTEMPT_UNKNOWN);
        });
    };
    const auto row = [&](char kind) {
        return world.rows.get(36, std::string(1, kind) + std::string(7, '\0') + "\x01");
    };
    const std::string account(*row('a'));
    EXPECT_FALSE(row('n')) << "no row: none";
    EXPECT_EQ(channels::count_notices(world.rows, 1), 0);
    ASSERT_EQ(notify("one").outcome(), machine::outcome::ok);
    ASSERT_EQ(notify("two").outcome(), machine::outcome::ok);
    ASSERT_EQ(notify("two").outcome(), machine::outcome::ok);
    EXPECT_EQ(*row('a'), account);
    EXPECT_EQ(channels::count_notices(world.rows, 1), 2);
    EXPECT_EQ(*row('n'), std::string_view("\x02\0\0\0\0\0\0\0", 8));
    EXPECT_EQ(channels::list_accounts(world.rows, 0, 10).size(), 1U) << "a counter is no account";
    EXPECT_EQ(opened(0), 2U);
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

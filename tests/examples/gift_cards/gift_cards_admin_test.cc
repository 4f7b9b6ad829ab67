// Gift cards in the back office; and one that a receiver hears of over the wire.
#include "domains/accounts/ids.h"
#include "examples/gift_cards/gift_cards_bodies.pb.h"
#include "examples/gift_cards/ids.h"
#include "examples/gift_cards/permissions.h"
#include "kontor/crypto/public_id.h"
#include "kontor/outbox/worker.h"
#include "unit/admin/office.h"
#include "unit/outbox/world.h"

namespace kontor::gift_cards {
namespace {

pb::Command sell(pb::Command command, std::uint64_t customer_no, std::int64_t amount) {
    auto& wanted = *mutable_body(command, pb::create_gift_card);
    wanted.set_amount(amount);
    wanted.set_currency(978);
    wanted.set_customer_no(customer_no);
    return command;
}

class GiftCardOffice : public admin::testing::Office {};

TEST_F(GiftCardOffice, IsARowThatTheOwnerSees) {
    set_up("ada");
    merchant("Shop");
    const std::uint64_t customer_no = customer("Ben", 0);
    const pb::Result made = run(sell(of_shop(), customer_no, 2'500));
    ASSERT_EQ(made.outcome(), machine::outcome::ok) << made.error().message();
    const std::string target = "merchants/" + format_id(accounts::prefix::merchant, shop_no_) + "/gift_cards";
    const auto seen = get(target);
    ASSERT_EQ(seen.status, 200) << seen.text;
    ASSERT_EQ(seen.json.at("data").size(), 1U);
    EXPECT_EQ(seen.json.at("data").at(0).at("id"),
              format_id(prefix::gift_card, object_in(made, pb::gift_card).no()));
    EXPECT_EQ(seen.json.at("data").at(0).at("amount"), 2'500);
    EXPECT_EQ(seen.json.at("data").at(0).at("currency"), "eur");
    EXPECT_TRUE(seen.json.at("next_cursor").is_null());
    EXPECT_TRUE(get("live/" + target).json.at("data").empty());
    EXPECT_EQ(get("merchants/acct_00000000001/gift_cards").status, 404);
    EXPECT_EQ(get(target + "?cursor=x").status, 400);
    role_ = [](std::string_view /*name*/) -> const machine::Role* { return nullptr; };
    EXPECT_EQ(get(target).status, 403);
}

TEST_F(GiftCardOffice, HasPages) {
    set_up("ada");
    merchant("Shop");
    const std::uint64_t ben = customer("Ben", 0), cem = customer("Cem", 0);
    for (int i = 0; i < 101; ++i)
        ASSERT_EQ(run(sell(of_shop(), i % 2 == 0 ? ben : cem, i + 1)).outcome(), machine::outcome::ok);
    const std::string target = "merchants/" + format_id(accounts::prefix::merchant, shop_no_) + "/gift_cards";
    const auto first = get(target);
    ASSERT_EQ(first.json.at("data").size(), 100U);
    EXPECT_EQ(first.json.at("data").at(0).at("amount"), 101) << "the newest first";
    const auto rest = get(target + "?cursor=" + first.json.at("next_cursor").get<std::string>());
    ASSERT_EQ(rest.json.at("data").size(), 1U);
    EXPECT_EQ(rest.json.at("data").at(0).at("amount"), 1);
}

TEST(GiftCardWebhook, IsDelivered) {
    kontor_test::TestClock clock(outbox::testing::kStart);
    outbox::testing::World world(clock);
    outbox::testing::Receiver receiver;
    const crypto::Sealer sealer(crypto::Secret(std::string(32, 'k')));
    telemetry::Registry metrics;
    http::ClientOptions to_receiver;
    to_receiver.ca_pem = receiver.ca_pem;
    const auto client = http::Client::make(std::move(to_receiver));
    pb::Command create = world.mine();
    mutable_body(create, pb::create_customer)->set_name("Ada");
    const std::uint64_t customer_no = object_in(world.run(create), pb::customer).no();
    world.endpoint(receiver.url("/ok"), sealer.seal("whsec", "webhook-secret"));
    world.run(sell(world.mine(), customer_no, 2'500));
    outbox::WorkerOptions options;
    options.service = &world;
    options.client = client.get();
    options.sealer = &sealer;
    options.clock = &clock;
    options.metrics = &metrics;
    const auto worker = outbox::Worker::start(std::move(options));
    ASSERT_TRUE(outbox::testing::eventually([&] { return receiver.count("/ok") == 1; }));
    const std::string body = receiver.requests("/ok").at(0).body;
    EXPECT_NE(body.find("\"gift_card.created\""), std::string::npos) << body;
    EXPECT_NE(body.find("\"amount\":2500"), std::string::npos) << body;
}

}  // namespace
}  // namespace kontor::gift_cards

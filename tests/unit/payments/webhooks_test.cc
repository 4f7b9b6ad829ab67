// Deliveries are written with the event, tried with back-off, and given up after three days.
#include "domains/webhooks/commands.h"

#include "domains/webhooks/limits.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/links.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/webhooks.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

class Webhooks : public ::testing::Test {
 protected:
    Webhooks() { world.make_merchant(); }
    std::uint64_t endpoint(const Types& events) {
        const auto result = create(events);
        EXPECT_EQ(result.outcome(), machine::outcome::ok);
        return object_in(result, pb::webhook_endpoint).no();
    }
    pb::Result create(const Types& events) {
        return world.run([&](pb::Command& c) {
            auto& e = *mutable_body(c, pb::create_webhook_endpoint);
            e.set_url("https://localhost/hook");
            e.set_sealed_secret("sealed");
            for (const auto& type : events) e.add_enabled_events(type);
        });
    }
    void disable(std::uint64_t no, bool disabled) {
        world.run([&](pb::Command& c) {
            mutable_body(c, pb::update_webhook_endpoint)->set_no(no);
            mutable_body(c, pb::update_webhook_endpoint)->set_disabled(disabled);
        });
    }
    void attempted(std::uint64_t delivery, bool delivered, std::uint32_t status = 500) {
        pb::Command c;
        auto& a = *mutable_body(c, pb::webhook_attempted);
        a.set_delivery_no(delivery);
        a.set_delivered(delivered);
        a.mutable_attempt()->set_time_ms(world.now);
        a.mutable_attempt()->set_http_status(status);
        EXPECT_EQ(world.apply(c).outcome(), machine::outcome::ok);
    }
    std::vector<Due> due() const { return webhooks::due_deliveries(world.rows, INT64_MAX, 1000); }
    pb::WebhookDelivery delivery(std::uint64_t no) const {
        return webhooks::find_delivery(world.rows, no).value();
    }
    World world;
};

TEST_F(Webhooks, EachMatchingEndpointGetsEachEventInTheSameEntry) {
    const auto all = endpoint({"*"});
    const auto some = endpoint({"charge.succeeded", "payment_intent.succeeded"});
    endpoint({"refund.created"});
    const auto customer = world.customer_with(100);
    const auto before = due().size();  // customer.created, to "*"
    EXPECT_EQ(before, 1U);
    world.wallet(10, customer);
    EXPECT_TRUE(world.effects.outbox_changed);
    EXPECT_EQ(due().size(), before + 5);  // three events to "*", two to the other
    const auto& events = world.effects.audit_records[0].events();
    EXPECT_EQ(events[0].pending_webhooks(), 1U);
    EXPECT_EQ(events[1].pending_webhooks(), 2U);
    const auto deliveries = webhooks::deliveries_of_event(world.rows, world.scope, events[1].no());
    ASSERT_EQ(deliveries.size(), 2U);
    EXPECT_EQ(deliveries[0].endpoint_no(), all);
    EXPECT_EQ(deliveries[1].endpoint_no(), some);
    EXPECT_EQ(deliveries[0].next_try_ms(), world.now);
    const auto found = find_event(world.rows, world.scope, deliveries[0].event_no());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->event->type(), "charge.succeeded");
    // Another mode's events go nowhere.
    const auto total = due().size();
    world.scope.livemode = true;
    world.make_customer();
    EXPECT_EQ(due().size(), total);
}

TEST_F(Webhooks, DeliveredEndsIt) {
    endpoint({"*"});
    world.make_customer();
    const auto no = due().at(0).no;
    attempted(no, true, 200);
    EXPECT_TRUE(due().empty());
    EXPECT_EQ(delivery(no).state(), pb::DELIVERY_DELIVERED);
    EXPECT_EQ(delivery(no).attempts(0).http_status(), 200U);
    const auto rows = world.rows.rows();
    attempted(no, false);  // a second worker's answer comes too late
    EXPECT_EQ(world.rows.rows(), rows);
}

TEST_F(Webhooks, BacksOffAndGivesUpAfterThreeDays) {
    endpoint({"*"});
    world.make_customer();
    const auto no = due().at(0).no;
    const std::int64_t steps_s[] = {5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600};
    std::uint32_t tries = 0;
    while (delivery(no).state() == pb::DELIVERY_PENDING) {
        ASSERT_LT(tries, 100U);
        attempted(no, false);
        ++tries;
        if (delivery(no).state() != pb::DELIVERY_PENDING) break;
        const std::int64_t wait = delivery(no).next_try_ms() - world.now;
        const std::int64_t base = steps_s[std::min<std::size_t>(tries - 1, 8)] * kSecond;
        EXPECT_GE(wait, base) << tries;
        EXPECT_LT(wait, base + base / 5) << tries;
        ASSERT_EQ(due().size(), 1U);
        EXPECT_EQ(due()[0].due_ms, delivery(no).next_try_ms());
        world.now = due()[0].due_ms;
    }
    EXPECT_EQ(delivery(no).state(), pb::DELIVERY_GAVE_UP);
    EXPECT_TRUE(due().empty());
    EXPECT_GT(world.now - kStart, webhooks::limits::kWebhookRetryForMs - 8 * kHour);
    EXPECT_LE(world.now - kStart, webhooks::limits::kWebhookRetryForMs);
    EXPECT_EQ(delivery(no).tries(), tries);
    EXPECT_EQ(static_cast<std::size_t>(delivery(no).attempts_size()),
              std::min<std::size_t>(tries, webhooks::limits::kAttemptsKept));
    EXPECT_EQ(delivery(no).attempts(delivery(no).attempts_size() - 1).time_ms(), world.now);
}

TEST_F(Webhooks, JitterSpreadsAndIsTheSameEverywhere) {
    EXPECT_EQ(webhooks::webhook_back_off_ms(42, 3), webhooks::webhook_back_off_ms(42, 3));
    std::set<std::int64_t> waits;
    for (std::uint64_t no = 1; no <= 100; ++no) waits.insert(webhooks::webhook_back_off_ms(no << 12U, 3));
    EXPECT_GT(waits.size(), 90U);
}

TEST_F(Webhooks, DisabledAndDeletedEndpointsStop) {
    const auto no = endpoint({"*"});
    world.make_customer();
    const auto first = due().at(0).no;
    disable(no, true);
    world.make_customer();
    EXPECT_EQ(due().size(), 1U);  // nothing new while disabled
    EXPECT_EQ(next_due(domains::registry(), world.rows).machine_ms, world.now);
    world.tick();
    EXPECT_EQ(delivery(first).state(), pb::DELIVERY_GAVE_UP);
    EXPECT_TRUE(due().empty());
    disable(no, false);
    world.make_customer();
    ASSERT_EQ(due().size(), 1U);
    const auto second = due()[0].no;
    EXPECT_EQ(world.run([&](pb::Command& c) { mutable_body(c, pb::delete_webhook_endpoint)->set_no(no); })
                  .outcome(),
              machine::outcome::ok);
    EXPECT_FALSE(webhooks::find_webhook_endpoint(world.rows, world.scope, no));
    EXPECT_TRUE(webhooks::list_webhook_endpoints(world.rows, world.scope, {}).rows.empty());
    attempted(second, false);  // it was on its way
    EXPECT_EQ(delivery(second).state(), pb::DELIVERY_GAVE_UP);
    world.tick();
    EXPECT_EQ(next_due(domains::registry(), world.rows).machine_ms, 0);
    world.make_customer();
    EXPECT_TRUE(due().empty());
}

TEST_F(Webhooks, AStoppedEndpointIsCleanedUpInBoundedSteps) {
    const auto no = endpoint({"*"});
    for (int i = 0; i < 600; ++i) world.make_customer();
    disable(no, true);
    disable(no, false);
    world.tick();
    EXPECT_EQ(due().size(), 600U);  // enabled again before anything was given up
    disable(no, true);
    world.tick();
    EXPECT_EQ(due().size(), 600U - machine::limits::kDuePerEntry);
    world.tick();
    EXPECT_TRUE(due().empty());
    EXPECT_EQ(next_due(domains::registry(), world.rows).machine_ms, 0);
}

TEST_F(Webhooks, AtMostSixteenAMode) {
    std::uint64_t last = 0;
    for (std::size_t i = 0; i < webhooks::limits::kWebhookEndpointsPerMode; ++i) last = endpoint({"*"});
    EXPECT_EQ(create({"*"}).outcome(), machine::outcome::limit_reached);
    world.scope.livemode = true;
    EXPECT_EQ(create({"*"}).outcome(), machine::outcome::ok);
    world.scope.livemode = false;
    world.run([&](pb::Command& c) { mutable_body(c, pb::delete_webhook_endpoint)->set_no(last); });
    EXPECT_EQ(create({"*"}).outcome(), machine::outcome::ok);
    world.make_customer();
    EXPECT_EQ(due().size(), webhooks::limits::kWebhookEndpointsPerMode);
}

TEST_F(Webhooks, UpdateKeepsWhatIsNotNamed) {
    const auto no = endpoint({"charge.succeeded"});
    const auto result = world.run([&](pb::Command& c) {
        auto& u = *mutable_body(c, pb::update_webhook_endpoint);
        u.set_no(no);
        u.set_url("https://localhost/other");
        auto& pair = *u.add_metadata();
        pair.set_key("a");
        pair.set_value("b");
    });
    EXPECT_EQ(object_in(result, pb::webhook_endpoint).url(), "https://localhost/other");
    EXPECT_EQ(object_in(result, pb::webhook_endpoint).enabled_events(0), "charge.succeeded");
    EXPECT_EQ(object_in(result, pb::webhook_endpoint).sealed_secret(), "sealed");
    EXPECT_EQ(object_in(result, pb::webhook_endpoint).metadata_size(), 1);
}

}  // namespace
}  // namespace kontor::payments::testing

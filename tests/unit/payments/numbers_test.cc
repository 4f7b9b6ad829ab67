// Object numbers at their edges: what a command and a Tick may give, and what the heaviest ones do.
#include "domains/webhooks/limits.h"
#include "kontor/machine/context.h"
#include "kontor/machine/limits.h"
#include "kontor/webhooks_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

class Numbers : public ::testing::Test {
 protected:
    Context context() {
        return {domains::registry(),
                world.rows,
                kMaxLogIndex,
                kMaxCommandsPerBatch - 1,
                {},
                salt,
                command,
                effects,
                scratch};
    }

    World world;
    pb::Command command;
    Effects effects;
    const std::string salt = std::string(machine::kSaltBytes, 's');
    machine::Scratch scratch;
};

TEST_F(Numbers, ACommandHasOneThousandAndTwentyThree) {
    Context last = context();
    EXPECT_EQ(last.numbers_left(), kMaxObjectsPerCommand);
    for (std::uint64_t i = 0; i < kMaxObjectsPerCommand; ++i)
        ASSERT_EQ(last.next_no(), last.command_no() + i + 1);
    EXPECT_EQ(last.numbers_left(), 0U);
    EXPECT_EQ(last.command_no(), make_object_no(kFirstGroup, kMaxLogIndex, kMaxCommandsPerBatch - 1, 0));
    EXPECT_DEATH((void)last.next_no(), "too many objects");
}

TEST_F(Numbers, AnEventKeepsSomeForWhoIsTold) {
    Context of = context();
    of.event("customer.created", pb::customer, pb::Customer());
    EXPECT_EQ(of.numbers_left(), kMaxObjectsPerCommand - 1 - machine::limits::kAnnouncedPerEvent);
}

TEST_F(Numbers, TheHeaviestPaymentIsFarFromTheEnd) {
    world.make_merchant(100, 5, 1);
    for (std::size_t i = 0; i < webhooks::limits::kWebhookEndpointsPerMode; ++i) {
        const auto made = world.run([&](pb::Command& c) {
            auto& endpoint = *mutable_body(c, pb::create_webhook_endpoint);
            endpoint.set_url("https://shop.example/hook");
            endpoint.add_enabled_events("*");
        });
        ASSERT_EQ(made.outcome(), machine::outcome::ok);
    }
    const auto customer = world.customer_with(1'000);
    ASSERT_EQ(world.wallet(100, customer).outcome(), machine::outcome::ok);
    const std::uint64_t of_payment = make_object_no(kFirstGroup, world.index, 0, 0);
    std::uint64_t deliveries = 0, last = 0;
    world.rows.visit_table(29, [&](std::string_view key, std::string_view) {
        if (command_no(get_be64(key)) != of_payment) return true;
        ++deliveries;
        last = std::max(last, get_be64(key));
        return true;
    });
    EXPECT_GE(deliveries, 3 * webhooks::limits::kWebhookEndpointsPerMode);
    EXPECT_LT(last - of_payment, kMaxObjectsPerCommand / 4);
}

// The worst mix: each row opens an account and moves money, and each is another merchant's.
TEST_F(Numbers, ATickEndsWithinItsNumbers) {
    constexpr std::uint64_t kShops = 300;
    for (std::uint64_t i = 0; i < kShops; ++i) {
        world.make_merchant(0, 0, 1);
        ASSERT_EQ(world.wallet(10, world.customer_with(10)).outcome(), machine::outcome::ok);
    }
    world.now += 3 * kDay;
    std::uint64_t released = 0;
    for (int ticks = 0; released < kShops; ++ticks) {
        ASSERT_LT(ticks, 3);
        world.tick();
        const std::uint64_t no = make_object_no(kFirstGroup, world.index, 0, 0);
        for (const pb::AuditRecord& audit_record : world.effects.audit_records) {
            EXPECT_EQ(audit_record.no(), no);
            for (const std::string& id : audit_record.transfer_ids()) {
                EXPECT_EQ(command_no(get_be64(std::string_view(id).substr(8))), no);
                ++released;
            }
        }
    }
    EXPECT_EQ(released, kShops);
    EXPECT_TRUE(world.verify().holds());
}

}  // namespace
}  // namespace kontor::payments::testing

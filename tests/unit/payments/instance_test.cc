// Merchants, keys, operators, sessions: the instance's own commands.
#include "world.h"

namespace kontor::payments::testing {
namespace {

const std::string kHash(32, 'h');
const std::string kOther(32, 'o');
const std::string kThird(32, 't');

class Instance : public ::testing::Test {
 protected:
    pb::Result setup_token(const std::string& hash, std::int64_t lifetime = kHour) {
        return world.run([&](pb::Command& c) {
            c.mutable_create_setup_token()->set_token_sha256(hash);
            c.mutable_create_setup_token()->set_lifetime_ms(lifetime);
        });
    }
    pb::Result set_up(const std::string& token, const std::string& name, std::uint64_t step = 100) {
        return world.run([&](pb::Command& c) {
            auto& s = *c.mutable_set_up_operator();
            s.set_token_sha256(token);
            s.set_name(name);
            s.set_password_hash("argon");
            s.set_totp_step(step);
        });
    }
    std::uint64_t make_operator(const std::string& name = "ada") {
        EXPECT_EQ(setup_token(kHash).outcome(), pb::OUTCOME_OK);
        const auto result = set_up(kHash, name);
        EXPECT_EQ(result.outcome(), pb::OUTCOME_OK);
        return result.operator_().no();
    }
    pb::Result open(std::uint64_t no, const std::string& cookie, std::uint64_t step,
                    std::int64_t lifetime = kHour) {
        return world.run([&](pb::Command& c) {
            auto& o = *c.mutable_open_session();
            o.set_operator_no(no);
            o.set_cookie_sha256(cookie);
            o.set_lifetime_ms(lifetime);
            o.set_totp_step(step);
        });
    }
    World world;
};

TEST_F(Instance, IsInitialisedOnce) {
    const auto init = [&] {
        return world.run([](pb::Command& c) {
            c.mutable_init_instance()->set_instance_id("id");
            c.mutable_init_instance()->set_dev(true);
        });
    };
    EXPECT_FALSE(find_instance(world.rows));
    EXPECT_EQ(init().outcome(), pb::OUTCOME_OK);
    EXPECT_TRUE(find_instance(world.rows)->dev());
    EXPECT_EQ(init().outcome(), pb::OUTCOME_ALREADY_EXISTS);
}

TEST_F(Instance, MerchantsHaveBoundedTerms) {
    const auto with = [&](std::uint32_t bps, std::int64_t fixed, std::uint32_t days) {
        return world.run([&](pb::Command& c) {
            c.mutable_create_merchant()->set_fee_bps(bps);
            c.mutable_create_merchant()->set_fee_fixed_minor(fixed);
            c.mutable_create_merchant()->set_settlement_delay_days(days);
        });
    };
    EXPECT_EQ(with(10'000, 0, 365).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(with(10'001, 0, 0).error().param(), "fee_bps");
    EXPECT_EQ(with(0, -1, 0).error().param(), "fee_fixed");
    EXPECT_EQ(with(0, 0, 366).error().param(), "settlement_delay_days");
    world.make_merchant();
    EXPECT_EQ(list_merchants(world.rows, 0, 10).size(), 2U);
    EXPECT_EQ(list_merchants(world.rows, list_merchants(world.rows, 0, 1)[0].no(), 10).size(), 1U);
}

TEST_F(Instance, KeysByHashAndRevoked) {
    world.make_merchant();
    const auto create = [&](std::uint64_t merchant, const std::string& hash) {
        return world.run([&](pb::Command& c) {
            auto& k = *c.mutable_create_api_key();
            k.set_merchant_no(merchant);
            k.set_key_sha256(hash);
            k.set_livemode(true);
            k.set_hint("sk_live_…wxyz");
        });
    };
    const auto revoke = [&](const std::string& hash) {
        return world.run([&](pb::Command& c) { c.mutable_revoke_api_key()->set_key_sha256(hash); });
    };
    EXPECT_EQ(create(77, kHash).outcome(), pb::OUTCOME_RESOURCE_MISSING);
    EXPECT_EQ(create(world.scope.merchant_no, "short").outcome(), pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_EQ(create(world.scope.merchant_no, kHash).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(create(world.scope.merchant_no, kHash).outcome(), pb::OUTCOME_ALREADY_EXISTS);
    EXPECT_EQ(find_api_key(world.rows, kHash)->merchant_no(), world.scope.merchant_no);
    EXPECT_FALSE(find_api_key(world.rows, kOther));
    EXPECT_EQ(list_api_keys(world.rows, world.scope.merchant_no).size(), 1U);
    EXPECT_EQ(revoke(kOther).outcome(), pb::OUTCOME_RESOURCE_MISSING);
    world.now += 5;
    EXPECT_EQ(revoke(kHash).api_key().revoked_ms(), world.now);
    world.now += 5;
    EXPECT_EQ(revoke(kHash).api_key().revoked_ms(), world.now - 5);  // the first time counts
}

TEST_F(Instance, SetUpTokensWorkOnceAndInTime) {
    EXPECT_FALSE(has_operator(world.rows));
    EXPECT_EQ(set_up(kHash, "ada").outcome(), pb::OUTCOME_TOKEN_INVALID);
    setup_token(kHash);
    EXPECT_EQ(setup_token(kHash).outcome(), pb::OUTCOME_ALREADY_EXISTS);
    EXPECT_EQ(set_up(kHash, "").outcome(), pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_EQ(set_up(kHash, std::string(limits::kOperatorNameBytes + 1, 'n')).outcome(),
              pb::OUTCOME_INVALID_PARAMETER);
    EXPECT_EQ(set_up(kHash, "ada").outcome(), pb::OUTCOME_OK);
    EXPECT_TRUE(has_operator(world.rows));
    EXPECT_EQ(find_operator_by_name(world.rows, "ada")->role(), "owner");
    EXPECT_EQ(set_up(kHash, "bob").outcome(), pb::OUTCOME_TOKEN_INVALID);
    setup_token(kOther, 1000);
    EXPECT_EQ(set_up(kOther, "ada").outcome(), pb::OUTCOME_ALREADY_EXISTS);
    world.now += 1000;
    EXPECT_EQ(set_up(kOther, "bob").outcome(), pb::OUTCOME_TOKEN_INVALID);
    world.now += kHour;
    world.tick();
    EXPECT_FALSE(find_setup_token(world.rows, kHash));
    EXPECT_FALSE(find_setup_token(world.rows, kOther));
    EXPECT_EQ(next_due(world.rows).machine_ms, 0);
}

TEST_F(Instance, ACodeOpensOneSession) {
    const auto no = make_operator();  // set up with the code of step 100
    EXPECT_EQ(open(no, kOther, 100).outcome(), pb::OUTCOME_TOKEN_INVALID);
    EXPECT_EQ(open(no, kOther, 101).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(open(no, kThird, 101).outcome(), pb::OUTCOME_TOKEN_INVALID);
    EXPECT_EQ(find_session(world.rows, kOther)->operator_no(), no);
    const auto close = [&](const std::string& cookie) {
        return world.run([&](pb::Command& c) { c.mutable_close_session()->set_cookie_sha256(cookie); });
    };
    EXPECT_EQ(close(kOther).outcome(), pb::OUTCOME_OK);
    EXPECT_FALSE(find_session(world.rows, kOther));
    EXPECT_EQ(close(kOther).outcome(), pb::OUTCOME_TOKEN_INVALID);
}

TEST_F(Instance, OperatorsAreLimited) {
    const auto token = [](std::size_t i) {
        std::string hash(32, 'x');
        std::memcpy(hash.data(), &i, sizeof i);
        return hash;
    };
    for (std::size_t i = 0; i < limits::kOperators; ++i) {
        setup_token(token(i));
        ASSERT_EQ(set_up(token(i), "op" + std::to_string(i)).outcome(), pb::OUTCOME_OK);
    }
    setup_token(kHash);
    EXPECT_EQ(set_up(kHash, "one more").outcome(), pb::OUTCOME_LIMIT_REACHED);
}

TEST_F(Instance, SessionsEnd) {
    const auto no = make_operator();
    open(no, kOther, 101, 5000);
    EXPECT_EQ(find_session(world.rows, kOther)->expires_ms(), world.now + 5000);
    world.now += 5000;
    EXPECT_EQ(next_due(world.rows).machine_ms, world.now);
    world.tick();
    EXPECT_FALSE(find_session(world.rows, kOther));
}

TEST_F(Instance, FiveFailuresLockForAWhile) {
    const auto no = make_operator();
    const auto failed = [&] {
        return world.run([&](pb::Command& c) { c.mutable_login_failed()->set_operator_no(no); });
    };
    for (std::uint32_t i = 0; i + 1 < limits::kFailedLoginsBeforeLock; ++i) {
        EXPECT_EQ(failed().operator_().locked_until_ms(), 0);
        EXPECT_TRUE(world.effects.journals.empty());
    }
    EXPECT_EQ(failed().operator_().locked_until_ms(), world.now + limits::kLoginLockMs);
    EXPECT_EQ(world.effects.journals.size(), 1U);
    EXPECT_EQ(open(no, kOther, 500).outcome(), pb::OUTCOME_LOCKED);
    world.now += limits::kLoginLockMs;
    EXPECT_EQ(open(no, kOther, 500).outcome(), pb::OUTCOME_OK);
    EXPECT_EQ(find_operator(world.rows, no)->failed_logins(), 0U);
}

TEST_F(Instance, ANewerLogStopsTheNode) {
    auto command = world.command([](pb::Command& c) { c.mutable_tick(); });
    command.set_version(kCommandVersion + 1);
    EXPECT_DEATH(world.apply(command), "newer version");
    EXPECT_DEATH(world.apply(pb::Command()), "does not know");
    pb::Batch batch;
    batch.set_version(kCommandVersion + 1);
    EXPECT_DEATH(world.apply(batch), "newer version");
}

}  // namespace
}  // namespace kontor::payments::testing

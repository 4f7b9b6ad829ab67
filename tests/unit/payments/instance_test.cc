// Merchants, keys, operators, sessions: the instance's own commands.
#include "domains/instance/instance.h"
#include "domains/accounts/accounts.h"
#include "domains/keys/keys.h"
#include "domains/operators/limits.h"
#include "domains/operators/operators.h"
#include "domains/operators/outcomes.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/instance_bodies.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/operators_bodies.pb.h"
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
            mutable_body(c, pb::create_setup_token)->set_token_sha256(hash);
            mutable_body(c, pb::create_setup_token)->set_lifetime_ms(lifetime);
        });
    }
    pb::Result set_up(const std::string& token, const std::string& name, std::uint64_t step = 100) {
        return world.run([&](pb::Command& c) {
            auto& s = *mutable_body(c, pb::set_up_operator);
            s.set_token_sha256(token);
            s.set_name(name);
            s.set_password_hash("argon");
            s.set_totp_step(step);
        });
    }
    std::uint64_t make_operator(const std::string& name = "ada") {
        EXPECT_EQ(setup_token(kHash).outcome(), machine::outcome::ok);
        const auto result = set_up(kHash, name);
        EXPECT_EQ(result.outcome(), machine::outcome::ok);
        return object_in(result, pb::operator_).no();
    }
    pb::Result open(std::uint64_t no, const std::string& cookie, std::uint64_t step,
                    std::int64_t lifetime = kHour) {
        return world.run([&](pb::Command& c) {
            auto& o = *mutable_body(c, pb::open_session);
            o.set_operator_no(no);
            o.set_cookie_sha256(cookie);
            o.set_lifetime_ms(lifetime);
            o.set_totp_step(step);
        });
    }
    World world;
};

TEST_F(Instance, IsInitialisedOnce) {
    const auto init = [&](const std::string& key) {
        return world.run([&](pb::Command& c) {
            mutable_body(c, pb::init_instance)->set_instance_id("id");
            mutable_body(c, pb::init_instance)->set_dev(true);
            mutable_body(c, pb::init_instance)->set_id_key(key);
        });
    };
    const std::string key = "a key of its own";
    const std::string before = format_id("pi", 77);
    instance::use_id_key(world.rows);  // there is none yet: nothing changes
    for (const std::string& wrong : {std::string(), key.substr(1), key + "!"})
        EXPECT_EQ(init(wrong).outcome(), machine::outcome::invalid_parameter);
    EXPECT_FALSE(instance::find_instance(world.rows));
    EXPECT_EQ(format_id("pi", 77), before);
    EXPECT_EQ(init(key).outcome(), machine::outcome::ok);
    EXPECT_TRUE(instance::find_instance(world.rows)->dev());
    EXPECT_EQ(init("the key of tests").outcome(), machine::outcome::already_exists);
    const std::string shown = format_id("pi", 77);
    EXPECT_NE(shown, before) << "ids are shown with the state's key from the command on";
    set_id_key("the key of tests");
    EXPECT_EQ(format_id("pi", 77), before);
    instance::use_id_key(world.rows);
    EXPECT_EQ(format_id("pi", 77), shown) << "and by whoever opens the state";
    set_id_key("the key of tests");
}

TEST_F(Instance, MerchantsHaveBoundedTerms) {
    const auto with = [&](std::uint32_t bps, std::int64_t fixed, std::uint32_t days) {
        return world.run([&](pb::Command& c) {
            mutable_body(c, pb::create_merchant)->set_fee_bps(bps);
            mutable_body(c, pb::create_merchant)->set_fee_fixed_minor(fixed);
            mutable_body(c, pb::create_merchant)->set_settlement_delay_days(days);
        });
    };
    EXPECT_EQ(with(10'000, 0, 90).outcome(), machine::outcome::ok);
    EXPECT_EQ(with(10'001, 0, 0).error().param(), "fee_bps");
    EXPECT_EQ(with(0, -1, 0).error().param(), "fee_fixed");
    EXPECT_EQ(with(0, 0, 91).error().param(), "settlement_delay_days");
    world.make_merchant();
    EXPECT_EQ(accounts::list_merchants(world.rows, 0, 10).size(), 2U);
    EXPECT_EQ(
        accounts::list_merchants(world.rows, accounts::list_merchants(world.rows, 0, 1)[0].no(), 10).size(),
        1U);
}

TEST_F(Instance, KeysByHashAndRevoked) {
    world.make_merchant();
    const auto create = [&](std::uint64_t merchant, const std::string& hash) {
        return world.run([&](pb::Command& c) {
            auto& k = *mutable_body(c, pb::create_api_key);
            k.set_merchant_no(merchant);
            k.set_key_sha256(hash);
            k.set_livemode(true);
            k.set_hint("sk_live_…wxyz");
        });
    };
    const auto revoke = [&](const std::string& hash) {
        return world.run([&](pb::Command& c) { mutable_body(c, pb::revoke_api_key)->set_key_sha256(hash); });
    };
    EXPECT_EQ(create(77, kHash).outcome(), machine::outcome::resource_missing);
    EXPECT_EQ(create(world.scope.merchant_no, "short").outcome(), machine::outcome::invalid_parameter);
    EXPECT_FALSE(world.effects.keys_changed);
    EXPECT_EQ(create(world.scope.merchant_no, kHash).outcome(), machine::outcome::ok);
    EXPECT_TRUE(world.effects.keys_changed);
    EXPECT_EQ(create(world.scope.merchant_no, kHash).outcome(), machine::outcome::already_exists);
    EXPECT_EQ(keys::find_api_key(world.rows, kHash)->merchant_no(), world.scope.merchant_no);
    EXPECT_FALSE(keys::find_api_key(world.rows, kOther));
    EXPECT_EQ(keys::list_api_keys(world.rows, world.scope.merchant_no).size(), 1U);
    EXPECT_EQ(revoke(kOther).outcome(), machine::outcome::resource_missing);
    world.now += 5;
    EXPECT_EQ(object_in(revoke(kHash), pb::api_key).revoked_ms(), world.now);
    EXPECT_TRUE(world.effects.keys_changed);
    world.now += 5;
    EXPECT_EQ(object_in(revoke(kHash), pb::api_key).revoked_ms(), world.now - 5);  // the first time counts
    EXPECT_FALSE(world.effects.keys_changed);
}

TEST_F(Instance, SetUpTokensWorkOnceAndInTime) {
    EXPECT_FALSE(operators::has_operator(world.rows));
    EXPECT_EQ(set_up(kHash, "ada").outcome(), machine::outcome::token_invalid);
    setup_token(kHash);
    EXPECT_EQ(setup_token(kHash).outcome(), machine::outcome::already_exists);
    EXPECT_EQ(set_up(kHash, "").outcome(), machine::outcome::invalid_parameter);
    EXPECT_EQ(set_up(kHash, std::string(operators::limits::kOperatorNameBytes + 1, 'n')).outcome(),
              machine::outcome::invalid_parameter);
    EXPECT_EQ(set_up(kHash, "ada").outcome(), machine::outcome::ok);
    EXPECT_TRUE(operators::has_operator(world.rows));
    EXPECT_EQ(operators::find_operator_by_name(world.rows, "ada")->role(), "owner");
    EXPECT_EQ(set_up(kHash, "bob").outcome(), machine::outcome::token_invalid);
    setup_token(kOther, 1000);
    EXPECT_EQ(set_up(kOther, "ada").outcome(), machine::outcome::already_exists);
    world.now += 1000;
    EXPECT_EQ(set_up(kOther, "bob").outcome(), machine::outcome::token_invalid);
    world.now += kHour;
    world.tick();
    EXPECT_FALSE(operators::find_setup_token(world.rows, kHash));
    EXPECT_FALSE(operators::find_setup_token(world.rows, kOther));
    EXPECT_EQ(next_due(domains::registry(), world.rows).machine_ms, 0);
}

TEST_F(Instance, ACodeOpensOneSession) {
    const auto no = make_operator();  // set up with the code of step 100
    EXPECT_EQ(open(no, kOther, 100).outcome(), machine::outcome::token_invalid);
    EXPECT_EQ(open(no, kOther, 101).outcome(), machine::outcome::ok);
    EXPECT_EQ(open(no, kThird, 101).outcome(), machine::outcome::token_invalid);
    EXPECT_EQ(operators::find_session(world.rows, kOther)->operator_no(), no);
    const auto close = [&](const std::string& cookie) {
        return world.run(
            [&](pb::Command& c) { mutable_body(c, pb::close_session)->set_cookie_sha256(cookie); });
    };
    EXPECT_EQ(close(kOther).outcome(), machine::outcome::ok);
    EXPECT_FALSE(operators::find_session(world.rows, kOther));
    EXPECT_EQ(close(kOther).outcome(), machine::outcome::token_invalid);
}

// After a lost authenticator: the operator stays, and whatever the old credentials opened has ended.
TEST_F(Instance, ALinkForAnOperatorRenewsIt) {
    const auto link = [&](const std::string& hash, const std::string& name) {
        return world
            .run([&](pb::Command& c) {
                auto& token = *mutable_body(c, pb::create_setup_token);
                token.set_token_sha256(hash);
                token.set_lifetime_ms(kHour);
                token.set_operator_name(name);
            })
            .outcome();
    };
    const auto no = make_operator();
    ASSERT_EQ(open(no, kOther, 101).outcome(), machine::outcome::ok);
    EXPECT_EQ(link(kThird, "bob"), machine::outcome::resource_missing);
    EXPECT_EQ(link(kThird, "ada"), machine::outcome::ok);
    const std::string astray(32, 'a');  // another link that was made before the renewal, and ends with it
    EXPECT_EQ(link(astray, "ada"), machine::outcome::ok);
    EXPECT_TRUE(operators::find_session(world.rows, kOther)) << "a link changes nothing before its use";
    EXPECT_EQ(set_up(kThird, "bob", 50).outcome(), machine::outcome::invalid_parameter);
    const std::size_t records = world.audit_records.size();
    const auto renewed = set_up(kThird, "ada", 50);
    ASSERT_EQ(renewed.outcome(), machine::outcome::ok);
    EXPECT_EQ(object_in(renewed, pb::operator_).no(), no);
    EXPECT_EQ(object_in(renewed, pb::operator_).last_totp_step(), 50U);
    EXPECT_EQ(object_in(renewed, pb::operator_).role(), "owner");
    EXPECT_EQ(operators::list_operators(world.rows).size(), 1U);
    EXPECT_GT(world.audit_records.size(), records);
    EXPECT_FALSE(operators::find_session(world.rows, kOther));
    EXPECT_EQ(set_up(kThird, "ada", 60).outcome(), machine::outcome::token_invalid) << "once";
    EXPECT_EQ(set_up(astray, "ada", 70).outcome(), machine::outcome::token_invalid);
    // A login whose password was looked at before the renewal comes too late.
    EXPECT_EQ(open(no, std::string(32, 'l'), 102).outcome(), machine::outcome::token_invalid);
    EXPECT_EQ(world
                  .run([&](pb::Command& c) {
                      auto& o = *mutable_body(c, pb::open_session);
                      o.set_operator_no(no);
                      o.set_cookie_sha256(std::string(32, 'n'));
                      o.set_lifetime_ms(kHour);
                      o.set_totp_step(51);
                      o.set_renewals(1);
                  })
                  .outcome(),
              machine::outcome::ok);
    EXPECT_TRUE(operators::find_session(world.rows, std::string(32, 'n')));
}

TEST_F(Instance, OperatorsAreLimited) {
    const auto token = [](std::size_t i) {
        std::string hash(32, 'x');
        std::memcpy(hash.data(), &i, sizeof i);
        return hash;
    };
    for (std::size_t i = 0; i < operators::limits::kOperators; ++i) {
        setup_token(token(i));
        ASSERT_EQ(set_up(token(i), "op" + std::to_string(i)).outcome(), machine::outcome::ok);
    }
    setup_token(kHash);
    EXPECT_EQ(set_up(kHash, "one more").outcome(), machine::outcome::limit_reached);
}

TEST_F(Instance, SessionsEnd) {
    const auto no = make_operator();
    open(no, kOther, 101, 5000);
    EXPECT_EQ(operators::find_session(world.rows, kOther)->expires_ms(), world.now + 5000);
    world.now += 5000;
    EXPECT_EQ(next_due(domains::registry(), world.rows).machine_ms, world.now);
    world.tick();
    EXPECT_FALSE(operators::find_session(world.rows, kOther));
}

TEST_F(Instance, FiveFailuresLockForAWhile) {
    const auto no = make_operator();
    const auto failed = [&] {
        return world.run([&](pb::Command& c) { mutable_body(c, pb::login_failed)->set_operator_no(no); });
    };
    for (std::uint32_t i = 0; i + 1 < operators::limits::kFailedLoginsBeforeLock; ++i) {
        EXPECT_EQ(object_in(failed(), pb::operator_).locked_until_ms(), 0);
        EXPECT_TRUE(world.effects.audit_records.empty());
    }
    EXPECT_EQ(object_in(failed(), pb::operator_).locked_until_ms(),
              world.now + operators::limits::kLoginLockMs);
    EXPECT_EQ(world.effects.audit_records.size(), 1U);
    EXPECT_EQ(open(no, kOther, 500).outcome(), operators::outcome::locked);
    world.now += operators::limits::kLoginLockMs;
    EXPECT_EQ(open(no, kOther, 500).outcome(), machine::outcome::ok);
    EXPECT_EQ(operators::find_operator(world.rows, no)->failed_logins(), 0U);
}

TEST_F(Instance, ANewerLogStopsTheNode) {
    auto command = world.command([](pb::Command& c) { mutable_body(c, pb::tick); });
    command.set_version(kCommandVersion + 1);
    EXPECT_DEATH(world.apply(command), "newer version");
    EXPECT_DEATH(world.apply(pb::Command()), "does not know");
    pb::Batch batch = world.batch();
    batch.set_version(kCommandVersion + 1);
    EXPECT_DEATH(world.apply(batch), "newer version");
    batch = world.batch();
    batch.clear_salt();
    EXPECT_DEATH(world.apply(batch), "without a salt");
}

}  // namespace
}  // namespace kontor::payments::testing

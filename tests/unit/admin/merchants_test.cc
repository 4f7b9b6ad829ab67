#include "domains/keys/keys.h"
#include "domains/operators/ids.h"
#include "kontor/crypto/public_id.h"
#include "kontor/keys.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/events.h"
#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::Json;

class Merchants : public testing::Office {
 protected:
    Merchants() { set_up("ada"); }
    std::string make() { return post("merchants", {{"name", "Shop"}}).json.value("id", ""); }
    std::optional<pb::ApiKey> key_of(const std::string& secret) {
        std::optional<pb::ApiKey> key;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            key = keys::find_api_key(rows, crypto::sha256(secret));
        });
        return key;
    }
};

TEST_F(Merchants, AreMadeAndListed) {
    const Answer made = post("merchants", {{"name", "Teehaus 茶館"},
                                           {"fee_bps", 10'000},
                                           {"fee_fixed", 25},
                                           {"settlement_delay_days", 90},
                                           {"country", "DE"},
                                           {"default_currency", "EUR"}});
    ASSERT_EQ(made.status, 200) << made.text;
    EXPECT_TRUE(made.json.at("id").get<std::string>().starts_with("acct_"));
    EXPECT_EQ(made.json.at("name"), "Teehaus 茶館");
    EXPECT_EQ(made.json.at("fee_bps"), 10'000);
    EXPECT_EQ(made.json.at("fee_fixed"), 25);
    EXPECT_EQ(made.json.at("settlement_delay_days"), 90);
    EXPECT_EQ(made.json.at("default_currency"), "eur");
    EXPECT_EQ(made.json.at("created_ms"), clock_.wall_ms());
    const Answer plain = post("merchants", {{"name", "Plain"}});
    ASSERT_EQ(plain.status, 200);
    EXPECT_EQ(plain.json.at("fee_bps"), 0);
    const Answer list = get("merchants");
    ASSERT_EQ(list.json.at("data").size(), 2U);
    EXPECT_EQ(list.json.at("data")[0], made.json);
    EXPECT_EQ(list.json.at("data")[1], plain.json);
}

TEST_F(Merchants, FieldsHaveBounds) {
    struct Case {
        const char* field;
        Json value;
    };
    const std::vector<Case> cases{
        {"name", ""},
        {"name", std::string(257, 'n')},
        {"name", 5},
        {"name", nullptr},
        {"fee_bps", -1},
        {"fee_bps", 10'001},
        {"fee_bps", 1.5},
        {"fee_bps", "10"},
        {"fee_bps", 18446744073709551615ULL},
        {"fee_fixed", -1},
        {"fee_fixed", 18446744073709551615ULL},
        {"settlement_delay_days", 91},
        {"settlement_delay_days", -1},
        {"country", "de"},
        {"country", "DEU"},
        {"default_currency", "xxz"},
        {"default_currency", "euro"},
    };
    for (const Case& one : cases) {
        Json body{{"name", "Shop"}};
        body[one.field] = one.value;
        const Answer answer = post("merchants", body);
        EXPECT_EQ(answer.status, 422) << one.field << " " << one.value;
        EXPECT_EQ(answer.param(), one.field) << one.value;
    }
    EXPECT_TRUE(get("merchants").json.at("data").empty());
    EXPECT_EQ(post("merchants", {{"name", std::string(256, 'n')}}).status, 200);
}

TEST_F(Merchants, AKeysSecretIsShownOnce) {
    const std::string shop = make();
    const Answer made = post("merchants/" + shop + "/keys", {{"name", "till 1"}});
    ASSERT_EQ(made.status, 200) << made.text;
    const std::string secret = made.json.at("secret");
    EXPECT_TRUE(secret.starts_with("sk_test_"));
    EXPECT_EQ(secret.size(), 8U + 32U);
    EXPECT_EQ(made.json.at("hint"), "sk_test_…" + secret.substr(secret.size() - 4));
    EXPECT_EQ(made.json.at("revoked_ms"), nullptr);
    ASSERT_TRUE(key_of(secret));
    EXPECT_FALSE(key_of(secret)->livemode());
    const Answer live = post("live/merchants/" + shop + "/keys", {{"name", "live"}});
    EXPECT_TRUE(live.json.at("secret").get<std::string>().starts_with("sk_live_"));
    const Answer list = get("merchants/" + shop + "/keys"), others = get("live/merchants/" + shop + "/keys");
    ASSERT_EQ(list.json.at("data").size(), 1U);
    EXPECT_EQ(list.json.at("data")[0].at("name"), "till 1");
    ASSERT_EQ(others.json.at("data").size(), 1U);
    EXPECT_EQ(others.json.at("data")[0].at("mode"), "live");
    EXPECT_EQ(list.text.find(secret), std::string::npos);
    EXPECT_EQ(list.text.find("\"secret\""), std::string::npos);
}

TEST_F(Merchants, ARevokedKeyStaysRevoked) {
    const std::string shop = make();
    const Answer made = post("merchants/" + shop + "/keys", {{"name", "k"}});
    const std::string secret = made.json.at("secret");
    EXPECT_EQ(made.json.at("mode"), "test");
    const std::string path = "keys/" + made.json.at("id").get<std::string>() + "/revoke";
    const Answer other_mode = post("live/" + path, Json::object());
    EXPECT_EQ(other_mode.status, 404);
    EXPECT_EQ(other_mode.text, post("live/keys/key_00000000000/revoke", Json::object()).text);
    EXPECT_EQ(key_of(secret)->revoked_ms(), 0);
    clock_.step(5'000);
    const Answer revoked = post(path, Json::object());
    ASSERT_EQ(revoked.status, 200) << revoked.text;
    EXPECT_EQ(revoked.json.at("revoked_ms"), clock_.wall_ms());
    EXPECT_EQ(revoked.text.find(secret), std::string::npos);
    EXPECT_NE(key_of(secret)->revoked_ms(), 0);
    const std::int64_t first = clock_.wall_ms();
    clock_.step(5'000);
    EXPECT_EQ(post(path, Json::object()).json.at("revoked_ms"), first) << "the first time counts";
    EXPECT_EQ(get("merchants/" + shop + "/keys").json.at("data")[0].at("revoked_ms"), first);
}

TEST_F(Merchants, KeysOfNobodyAndOddModes) {
    const std::string shop = make();
    for (const char* nobody : {"acct_00000000001", "acct_00000000000", "cus_00000000001", "x"}) {
        EXPECT_EQ(get(std::string("merchants/") + nobody + "/keys").status, 404) << nobody;
        EXPECT_EQ(post(std::string("merchants/") + nobody + "/keys", {{"name", "k"}}).status, 404) << nobody;
    }
    for (const char* nobody : {"key_00000000001", "key_00000000000", "acct_00000000001", "x"})
        EXPECT_EQ(post(std::string("keys/") + nobody + "/revoke", Json::object()).status, 404) << nobody;
    for (const Json& mode : {Json("live"), Json("test"), Json("both"), Json(5), Json(nullptr)}) {
        const Answer answer = post("merchants/" + shop + "/keys", {{"name", "k"}, {"mode", mode}});
        EXPECT_EQ(answer.status, 400) << mode << ": a key of the wrong mode is no small mistake";
        EXPECT_EQ(answer.param(), "mode");
    }
    EXPECT_EQ(post("merchants/" + shop + "/keys", {{"name", std::string(257, 'k')}}).status, 422);
    EXPECT_TRUE(get("merchants/" + shop + "/keys").json.at("data").empty());
}

TEST_F(Merchants, WhoDidItIsInTheAuditRecord) {
    make();
    std::shared_ptr<const pb::AuditRecord> found;
    node_->read([&](const store::Reader& rows, std::uint64_t) {
        machine::visit_audit_records(rows, {0, false}, 0, 100, [&](const pb::AuditRecord& audit_record) {
            if (audit_record.command() == "create_merchant")
                found = std::make_shared<pb::AuditRecord>(audit_record);
            return true;
        });
    });
    ASSERT_TRUE(found);
    EXPECT_EQ(found->actor().kind(), pb::Actor::OPERATOR);
    EXPECT_EQ(format_id(operators::prefix::operator_, found->actor().no()),
              get("session").json.at("operator").at("id"));
    EXPECT_EQ(found->actor().ip(), "192.0.2.7");
}

}  // namespace
}  // namespace kontor::admin

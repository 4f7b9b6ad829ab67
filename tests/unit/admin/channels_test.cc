#include "domains/channels/channels.h"
#include "connectors/sandbox/sandbox.h"
#include "domains/accounts/ids.h"
#include "domains/channels/limits.h"
#include "kontor/crypto/public_id.h"
#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::Json;

class ChannelsPage : public testing::Office {
 protected:
    ChannelsPage() { set_up("ada"); }
    Answer open(const Json& more = Json::object()) {
        Json body = {{"connector", "sandbox"}, {"name", "Till"}};
        body.update(more);
        return post("channels", body);
    }
    std::optional<pb::ChannelAccount> account(std::uint64_t no) {
        std::optional<pb::ChannelAccount> found;
        node_->read(
            [&](const store::Reader& rows, std::uint64_t) { found = channels::find_account(rows, no); });
        return found;
    }
    std::string key_of(std::uint64_t no) {
        const auto opened = connectors::Credentials::unseal(sealer_, account(no)->sealed_credentials());
        return opened ? std::string(opened->find(connectors::sandbox::kLinkKey)) : std::string("sealed");
    }
};

TEST_F(ChannelsPage, AccountsAreOpenedAndListed) {
    const Answer made = open();
    ASSERT_EQ(made.status, 200) << made.text;
    EXPECT_EQ(made.json.at("account"), 1);
    EXPECT_EQ(made.json.at("merchant"), nullptr);
    EXPECT_EQ(made.json.at("methods"), Json::array({"card"}));
    EXPECT_EQ(made.json.at("credentials_set"), Json::array({"link_key"}));
    EXPECT_EQ(key_of(1).size(), 32U) << "drawn, since nobody entered one";
    const std::string merchant = format_id(accounts::prefix::merchant, this->merchant("Shop"));
    EXPECT_EQ(open({{"merchant", merchant}}).json.at("merchant"), merchant);
    const Answer list = get("channels");
    EXPECT_EQ(list.json.at("data").size(), 2U);
    EXPECT_EQ(list.json.at("data")[0], made.json);
    EXPECT_EQ(list.json.at("connectors")[0].at("name"), "sandbox");
    EXPECT_EQ(list.json.at("connectors")[0].at("fields")[0].at("secret"), true);
    EXPECT_TRUE(get("live/channels").json.at("data").empty());
    EXPECT_TRUE(get("live/channels").json.at("connectors").empty()) << "the only one is for tests";
}

TEST_F(ChannelsPage, AccountsAreListedInPages) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(open().status, 200);
    EXPECT_TRUE(get("channels").json.at("next_cursor").is_null());
    const Answer behind = get("channels?cursor=2");
    ASSERT_EQ(behind.json.at("data").size(), 1U);
    EXPECT_EQ(behind.json.at("data")[0].at("account"), 3);
    EXPECT_EQ(get("channels?cursor=x").status, 400);
    EXPECT_EQ(get("channels?cursor=x").json.at("error").at("param"), "cursor");
}

// A misspelt merchant would be the platform, and a misspelt currency any.
TEST_F(ChannelsPage, BodiesHoldNothingUnknown) {
    ASSERT_EQ(open().status, 200);
    const Json route{{"method", "card"}, {"account", 1}};
    ASSERT_EQ(post("channel_routes", {{"routes", Json::array({route})}}).status, 200);
    const Json before = get("channel_routes").json;
    const Answer misspelt = post("channel_routes", {{"merchnt", "acct_x"}, {"routes", Json::array()}});
    EXPECT_EQ(misspelt.status, 422);
    EXPECT_EQ(misspelt.code(), "member_unknown");
    EXPECT_EQ(misspelt.json.at("error").at("param"), "merchnt");
    Json inner = route;
    inner["curency"] = "usd";
    EXPECT_EQ(post("channel_routes", {{"routes", Json::array({inner})}}).status, 422);
    EXPECT_EQ(get("channel_routes").json, before);
    EXPECT_EQ(post("channels/1", {{"disable", true}}).code(), "member_unknown");
    EXPECT_EQ(open({{"merchnt", "acct_x"}}).code(), "member_unknown");
    EXPECT_EQ(post("merchants", {{"name", "x"}, {"fee_bp", 250}}).code(), "member_unknown");
    EXPECT_EQ(open({{"reason", "a second one"}}).status, 200);
}

TEST_F(ChannelsPage, WhatCannotBeIsRefused) {
    EXPECT_EQ(open({{"connector", "nobody"}}).code(), "connector_unknown");
    EXPECT_EQ(open({{"name", ""}}).code(), "name_invalid");
    EXPECT_EQ(open({{"name", std::string(257, 'n')}}).code(), "name_invalid");
    EXPECT_EQ(open({{"merchant", "acct_nonsense"}}).status, 422);
    EXPECT_EQ(open({{"credentials", "text"}}).status, 422);
    EXPECT_EQ(open({{"credentials", {{"no_such_field", "x"}}}}).status, 422);
    EXPECT_EQ(open({{"credentials", {{"link_key", 5}}}}).status, 422);
    EXPECT_EQ(open({{"credentials", {{"link_key", nullptr}}}}).code(), "credentials_missing");
    EXPECT_EQ(
        open({{"credentials", {{"link_key", std::string(connectors::kFieldValueBytes + 1, 'k')}}}}).status,
        422);
    EXPECT_EQ(post("live/channels", {{"connector", "sandbox"}, {"name", "x"}}).code(), "mode_unsupported");
    EXPECT_FALSE(account(1));
    EXPECT_EQ(open({{"credentials", {{"link_key", std::string(connectors::kFieldValueBytes, 'k')}}}}).status,
              200);
}

TEST_F(ChannelsPage, CredentialsChangeAndAreNeverShown) {
    open({{"credentials", {{"link_key", "the first one"}}}});
    EXPECT_EQ(key_of(1), "the first one");
    ASSERT_EQ(post("channels/1", {{"name", "Renamed"}}).json.at("name"), "Renamed");
    EXPECT_EQ(key_of(1), "the first one");
    const Answer changed = post("channels/1", {{"credentials", {{"link_key", "the second one"}}}});
    ASSERT_EQ(changed.status, 200) << changed.text;
    EXPECT_EQ(key_of(1), "the second one");
    EXPECT_EQ(account(1)->sealed_credentials().find("second"), std::string::npos);
    EXPECT_EQ((changed.text + get("channels").text).find("second one"), std::string::npos);
    EXPECT_EQ(post("channels/1", {{"credentials", {{"link_key", nullptr}}}}).code(), "credentials_missing");
    EXPECT_EQ(post("channels/1", {{"disabled", "yes"}}).status, 422);
    EXPECT_EQ(post("channels/1", {{"disabled", true}}).json.at("disabled"), true);
    for (const char* missing : {"channels/2", "channels/x", "channels/0", "live/channels/1"})
        EXPECT_EQ(post(missing, {{"name", "x"}}).status, 404) << missing;
}

TEST_F(ChannelsPage, RoutesAreSetAsAWhole) {
    open();
    EXPECT_TRUE(get("channel_routes").json.at("data").empty());
    const Json any = {{"method", "card"}, {"currency", nullptr}, {"account", 1}};
    const Json euro = {{"method", "card"}, {"currency", "eur"}, {"account", 1}};
    const Answer set = post("channel_routes", {{"routes", Json::array({any, euro})}});
    ASSERT_EQ(set.status, 200) << set.text;
    EXPECT_EQ(get("channel_routes").json, set.json);
    EXPECT_EQ(set.json.at("data"), Json::array({any, euro}));
    EXPECT_EQ(post("channels/1", {{"disabled", true}}).status, 422) << "a route names it";
    const std::string merchant = format_id(accounts::prefix::merchant, this->merchant("Shop"));
    EXPECT_EQ(post("channel_routes", {{"merchant", merchant}, {"routes", Json::array({euro})}}).status, 200);
    EXPECT_EQ(get("channel_routes?merchant=" + merchant).json.at("data"), Json::array({euro}));
    EXPECT_EQ(get("channel_routes?merchant=nonsense").status, 400);
    for (const Json& wrong :
         {Json(nullptr), Json("card"), Json::array({"card"}), Json::array({{{"method", "card"}}}),
          Json::array({{{"method", "card"}, {"account", "1"}}}),
          Json::array({{{"method", "card"}, {"account", 9}}}),
          Json::array({{{"method", "card"}, {"account", 1}, {"currency", "xyz"}}}),
          Json::array({euro, euro})})
        EXPECT_EQ(post("channel_routes", {{"routes", wrong}}).status, 422) << wrong;
    const Json too_many(std::vector<Json>(channels::limits::kRoutes + 1, euro));
    EXPECT_EQ(post("channel_routes", {{"routes", too_many}}).status, 422);
    EXPECT_EQ(get("channel_routes").json, set.json) << "what is refused changes nothing";
}

}  // namespace
}  // namespace kontor::admin

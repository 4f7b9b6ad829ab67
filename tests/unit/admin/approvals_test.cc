// Four eyes in the back office: a command that waits, who decides, and what is shown of it.
#include <set>

#include "domains/approvals/ids.h"
#include "domains/keys/keys.h"
#include "kontor/crypto/public_id.h"
#include "office.h"

namespace kontor::admin::testing {
namespace {

class Approvals : public Office {
 protected:
    Approvals() {
        set_up("bob");
        bob_ = session_;
        set_up("ada");
        ada_ = session_;
    }
    void as(const Session& who) { session_ = who; }
    Answer policy(const Json& rules) {
        return post("approval_policy",
                    {{"revision", get("approval_policy").json.at("revision")}, {"rules", rules}});
    }
    void ask_about(const std::string& command) {
        const Answer set = policy(Json::array({Json{{"command", command}}}));
        ASSERT_EQ(set.status, 200) << set.text;
    }
    // Of a merchant that ada proposes.
    std::string proposed(const std::string& name = "New shop", const Json& reason = "they called") {
        as(ada_);
        const Answer waiting = post("merchants", {{"name", name}, {"fee_bps", 100}, {"reason", reason}});
        EXPECT_EQ(waiting.status, 202) << waiting.text;
        EXPECT_EQ(waiting.json.value("status", ""), "awaiting_approval");
        return waiting.json.value("approval", "");
    }
    std::size_t merchants() { return get("merchants").json.at("data").size(); }
    static void expect_code(const Answer& answer, int status, const std::string& code) {
        EXPECT_EQ(answer.status, status) << answer.text;
        EXPECT_EQ(answer.code(), code) << answer.text;
    }
    Session ada_, bob_;
};

TEST_F(Approvals, WithoutAPolicyNothingWaits) {
    EXPECT_EQ(post("merchants", {{"name", "Shop"}}).status, 200);
    const Json policy = get("approval_policy").json;
    EXPECT_EQ(policy.at("revision"), 0);
    EXPECT_TRUE(policy.at("rules").empty());
    std::set<std::string> names;
    for (const auto& command : policy.at("commands")) {
        names.insert(command.at("name"));
        EXPECT_EQ(command.at("has_amount"), false) << command;
    }
    // What a route here can propose, and nothing that only merchants ask for.
    EXPECT_EQ(names,
              (std::set<std::string>{"change_channel_account", "create_api_key", "create_merchant",
                                     "open_channel_account", "set_approval_policy", "set_channel_routes"}));
    EXPECT_TRUE(get("approvals").json.at("data").empty());
}

TEST_F(Approvals, ARuleAboutWhatNobodyProposesYetStaysValid) {
    ask_about("create_refund");
    const Json policy = get("approval_policy").json;
    EXPECT_EQ(policy.at("rules").at(0).at("command"), "create_refund");
    for (const auto& command : policy.at("commands")) EXPECT_NE(command.at("name"), "create_refund");
    const Answer again = this->policy(policy.at("rules"));
    EXPECT_EQ(again.status, 200) << again.text;
}

TEST_F(Approvals, LiveModeIsSaid) {
    const std::uint64_t shop = merchant("Shop");
    ask_about("create_api_key");
    as(ada_);
    const Answer waiting = send("POST", "/admin/api/live/merchants/" + format_id("acct", shop) + "/keys",
                                R"({"name":"till"})", credentials());
    ASSERT_EQ(waiting.status, 202) << waiting.text;
    as(bob_);
    EXPECT_EQ(get("approvals/" + waiting.json.value("approval", "")).json.at("mode"), "live");
}

TEST_F(Approvals, OneProposesAndAnotherOneApproves) {
    ask_about("create_merchant");
    const std::size_t before = merchants();
    const std::string id = proposed();
    EXPECT_EQ(merchants(), before);
    as(bob_);
    const Json shown = get("approvals/" + id).json;
    EXPECT_EQ(shown.at("status"), "pending");
    EXPECT_EQ(shown.at("command"), "create_merchant");
    EXPECT_EQ(shown.at("fields"), (Json{{"name", "New shop"}, {"fee_bps", 100}}));
    EXPECT_TRUE(shown.at("left_out").empty());
    EXPECT_EQ(shown.at("mode"), "installation");
    EXPECT_EQ(shown.at("reason"), "they called");
    EXPECT_EQ(shown.at("proposer").at("name"), "ada");
    EXPECT_TRUE(shown.at("decider").is_null());
    EXPECT_GT(shown.at("expires_in_ms"), 6 * kDay);
    as(ada_);
    expect_code(post("approvals/" + id + "/approve", Json::object()), 403, "own_request");
    as(bob_);
    const Answer approved = post("approvals/" + id + "/approve", {{"note", "fine"}});
    ASSERT_EQ(approved.status, 200) << approved.text;
    EXPECT_EQ(approved.json.at("status"), "executed");
    EXPECT_EQ(approved.json.at("outcome"), "ok");
    EXPECT_EQ(approved.json.at("decider").at("name"), "bob");
    EXPECT_EQ(approved.json.at("note"), "fine");
    EXPECT_TRUE(approved.json.at("expires_in_ms").is_null());
    EXPECT_EQ(approved.json.at("fields"), shown.at("fields"));
    EXPECT_EQ(merchants(), before + 1);
    expect_code(post("approvals/" + id + "/approve", Json::object()), 409, "already_decided");
    EXPECT_EQ(get("approvals/" + id).json.at("status"), "executed");
}

TEST_F(Approvals, ASecretIsShownOnceAndItsKeyWorksWhenItWasApproved) {
    const std::uint64_t shop = merchant("Shop");
    ask_about("create_api_key");
    as(ada_);
    const Answer waiting = post("merchants/" + format_id("acct", shop) + "/keys", {{"name", "till"}});
    ASSERT_EQ(waiting.status, 202) << waiting.text;
    const std::string secret = waiting.json.value("secret", ""), id = waiting.json.value("approval", "");
    ASSERT_TRUE(secret.starts_with("sk_test_"));
    const auto is_there = [&] {
        bool found = false;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            found = keys::find_api_key(rows, crypto::sha256(secret)).has_value();
        });
        return found;
    };
    EXPECT_FALSE(is_there());
    as(bob_);
    const Json shown = get("approvals/" + id).json;
    EXPECT_EQ(shown.at("left_out"), Json::array({"key"}));
    EXPECT_EQ(shown.at("mode"), "test");
    EXPECT_EQ(shown.at("fields").at("merchant"), format_id("acct", shop));
    EXPECT_EQ(shown.dump().find(secret), std::string::npos);
    const std::uint64_t version = node_->keys_version();
    EXPECT_EQ(post("approvals/" + id + "/approve", Json::object()).json.value("status", ""), "executed");
    EXPECT_TRUE(is_there());
    EXPECT_NE(node_->keys_version(), version) << "who remembers keys looks again";
}

TEST_F(Approvals, ARouteOfPaymentsIsShownInWords) {
    ask_about("set_channel_routes");
    as(ada_);
    const Json body{{"routes", Json::array({Json{{"method", "card"}, {"currency", "eur"}, {"account", 7}}})}};
    const Answer waiting = post("channel_routes", body);
    ASSERT_EQ(waiting.status, 202) << waiting.text;
    as(bob_);
    const std::string id = waiting.json.value("approval", "");
    EXPECT_EQ(get("approvals/" + id).json.at("fields"), body);
    EXPECT_EQ(get("approvals/" + id).json.at("mode"), "test");
    const Answer failed = post("approvals/" + id + "/approve", Json::object());
    EXPECT_EQ(failed.status, 200);
    EXPECT_EQ(failed.json.value("status", ""), "failed") << "there is no such account";
    EXPECT_FALSE(failed.json.value("message", "").empty());
}

// An emptied list takes away what is there: nobody decides about what is not shown.
TEST_F(Approvals, AnEmptiedListIsShown) {
    ask_about("set_channel_routes");
    as(ada_);
    const Answer routes = post("channel_routes", {{"routes", Json::array()}});
    ASSERT_EQ(routes.status, 202) << routes.text;
    const Answer policy = post("approval_policy", {{"revision", 1}, {"rules", Json::array()}});
    ASSERT_EQ(policy.status, 202) << policy.text;
    as(bob_);
    EXPECT_EQ(get("approvals/" + routes.json.value("approval", "")).json.at("fields"),
              (Json{{"routes", Json::array()}}));
    EXPECT_EQ(get("approvals/" + policy.json.value("approval", "")).json.at("fields").at("rules"),
              Json::array());
}

// It would fail when it is approved: nobody has to look at it.
TEST_F(Approvals, AStalePolicyIsRefusedAtOnce) {
    ask_about("create_merchant");
    expect_code(post("approval_policy", {{"revision", 0}, {"rules", Json::array()}}), 409, "policy_changed");
    EXPECT_TRUE(get("approvals").json.at("data").empty());
}

TEST_F(Approvals, RejectedAndTakenBack) {
    ask_about("create_merchant");
    const std::size_t before = merchants();
    const std::string first = proposed(), second = proposed();
    expect_code(post("approvals/" + first + "/reject", Json::object()), 403, "own_request");
    as(bob_);
    expect_code(post("approvals/" + first + "/withdraw", Json::object()), 403, "own_request");
    EXPECT_EQ(post("approvals/" + first + "/reject", {{"note", "unknown"}}).json.value("status", ""),
              "rejected");
    as(ada_);
    EXPECT_EQ(post("approvals/" + second + "/withdraw", Json::object()).json.value("status", ""),
              "withdrawn");
    EXPECT_EQ(get("approvals/" + first).json.value("note", ""), "unknown");
    EXPECT_EQ(merchants(), before);
}

TEST_F(Approvals, IsListedInPages) {
    ask_about("create_merchant");
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) ids.push_back(proposed("Shop " + std::to_string(i)));
    const Json first = get("approvals?limit=2").json;
    ASSERT_EQ(first.at("data").size(), 2U);
    EXPECT_EQ(first.at("data")[0].at("id"), ids[2]);
    EXPECT_EQ(first.at("pending"), 3);
    const Json second = get("approvals?limit=2&cursor=" + first.at("next_cursor").get<std::string>()).json;
    ASSERT_EQ(second.at("data").size(), 1U);
    EXPECT_EQ(second.at("data")[0].at("id"), ids[0]);
    EXPECT_TRUE(second.at("next_cursor").is_null());
    post("approvals/" + ids[1] + "/withdraw", Json::object());
    const Json withdrawn = get("approvals?status=withdrawn").json;
    ASSERT_EQ(withdrawn.at("data").size(), 1U);
    EXPECT_EQ(withdrawn.at("data")[0].at("id"), ids[1]);
    for (const char* bad : {"status=old", "limit=0", "limit=101", "limit=x", "cursor=pi_00000000001"})
        expect_code(get(std::string("approvals?") + bad), 400, "invalid");
}

TEST_F(Approvals, ThePolicyIsLoosenedByTwo) {
    ask_about("create_merchant");
    const Json exempt = Json::array({Json{{"currency", "eur"}, {"below", 500}}});
    const Json rules = Json::array(
        {Json{{"command", "create_merchant"}}, Json{{"command", "top_up_wallet"}, {"exempt", exempt}}});
    const Answer tightened = policy(rules);
    ASSERT_EQ(tightened.status, 200) << tightened.text;
    EXPECT_EQ(tightened.json.at("revision"), 2);
    EXPECT_EQ(tightened.json.at("rules")[0].at("command"), "top_up_wallet");
    EXPECT_EQ(tightened.json.at("rules")[0].at("exempt"), exempt);
    const Answer loosened = policy(Json::array());
    ASSERT_EQ(loosened.status, 202) << loosened.text;
    as(bob_);
    const std::string id = loosened.json.value("approval", "");
    EXPECT_EQ(get("approvals/" + id).json.at("fields"), (Json{{"revision", 2}, {"rules", Json::array()}}));
    EXPECT_EQ(post("approvals/" + id + "/approve", Json::object()).json.value("status", ""), "executed");
    EXPECT_TRUE(get("approval_policy").json.at("rules").empty());
}

TEST_F(Approvals, WhatIsNoPolicyIsSaid) {
    expect_code(post("approval_policy", {{"rules", Json::array()}}), 422, "invalid");
    expect_code(post("approval_policy", {{"revision", 0}}), 422, "invalid");
    expect_code(post("approval_policy", {{"revision", 7}, {"rules", Json::array()}}), 409, "policy_changed");
    const auto exempting = [](const Json& exempt) {
        return Json{{"command", "top_up_wallet"}, {"exempt", exempt}};
    };
    const auto one = [](const Json& currency, const Json& below) {
        return Json::array({Json{{"currency", currency}, {"below", below}}});
    };
    for (const Json& rule : std::vector<Json>{
             "create_merchant", Json{{"command", "tick"}}, Json{{"command", 60}}, Json{{"command", "no"}},
             exempting(5), exempting(Json::array({5})), exempting(one("xx", 1)), exempting(one("eur", "1"))})
        expect_code(policy(Json::array({rule})), 422, "invalid");
    const Json of_no_amount{{"command", "create_merchant"}, {"exempt", one("eur", 1)}};
    expect_code(policy(Json::array({of_no_amount})), 422, "refused");
}

TEST_F(Approvals, ReasonsAndNotesHaveALimit) {
    ask_about("create_merchant");
    const std::string id = proposed("Shop", std::string(500, 'r'));
    for (const Json& bad : {Json(std::string(501, 'r')), Json(5), Json(nullptr)}) {
        expect_code(post("merchants", {{"name", "Shop"}, {"reason", bad}}), 422, "reason_invalid");
        as(bob_);
        expect_code(post("approvals/" + id + "/reject", {{"note", bad}}), 422, "note_invalid");
        as(ada_);
    }
    as(bob_);
    EXPECT_EQ(post("approvals/" + id + "/reject", {{"note", std::string(500, 'n')}}).status, 200);
}

TEST_F(Approvals, WhatIsNotThere) {
    for (const char* id : {"apr_00000000001", "pi_00000000001", "x"}) {
        expect_code(get(std::string("approvals/") + id), 404, "not_found");
        for (const char* what : {"approve", "reject", "withdraw"})
            expect_code(post(std::string("approvals/") + id + "/" + what, Json::object()), 404, "not_found");
    }
}

}  // namespace
}  // namespace kontor::admin::testing

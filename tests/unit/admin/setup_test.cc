// The one-time link: from the token to the first session.

#include <atomic>
#include <regex>

#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::eventually;
using testing::Json;
using testing::kDay;
using testing::kPassword;
using testing::Person;

class Setup : public testing::Office {
 protected:
    Json form(const std::string& token) {
        return {{"token", token}, {"name", "ada"}, {"password", kPassword}};
    }
    // A form that `setup/finish` accepts.
    Json finished(const std::string& token) {
        Json json = form(token);
        const Answer begun = open_post("setup/begin", json);
        EXPECT_EQ(begun.status, 200) << begun.text;
        json["totp_secret"] = begun.json.at("totp_secret");
        json["code"] = code(
            {"ada", kPassword, crypto::from_base32(begun.json.at("totp_secret").get<std::string>()).value()});
        return json;
    }
};

TEST_F(Setup, TheWholeWay) {
    const std::string token = make_token();
    Answer state = send("GET", "/admin/api/setup?token=" + token);
    EXPECT_EQ(state.status, 200);
    EXPECT_EQ(state.json, (Json{{"valid", true}, {"operators", 0}, {"operator", nullptr}}));
    const Answer begun = open_post("setup/begin", form(token));
    ASSERT_EQ(begun.status, 200) << begun.text;
    EXPECT_TRUE(
        std::regex_match(begun.json.at("totp_secret").get<std::string>(), std::regex("[A-Z2-7]{32}")));
    EXPECT_EQ(begun.json.at("totp_uri"),
              "otpauth://totp/Kontor:ada?secret=" + begun.json.at("totp_secret").get<std::string>() +
                  "&issuer=Kontor");
    EXPECT_TRUE(begun.json.at("qr_svg").get<std::string>().starts_with("<svg "));
    state = send("GET", "/admin/api/setup?token=" + token);
    EXPECT_EQ(state.json.at("operators"), 0) << "nothing is stored yet";

    const Answer done = open_post("setup/finish", finished(token));
    ASSERT_EQ(done.status, 200) << done.text;
    EXPECT_EQ(done.json.at("operator").at("name"), "ada");
    EXPECT_EQ(done.json.at("operator").at("role"), "owner");
    EXPECT_EQ(done.json.at("version"), "1.2.3");
    EXPECT_EQ(done.json.at("modes"), (Json{"test", "live"}));
    EXPECT_TRUE(std::regex_match(
        done.header("Set-Cookie"),
        std::regex("kontor_session=[0-9A-Za-z]{43}; Path=/admin; HttpOnly; Secure; SameSite=Strict; "
                   "Max-Age=43200")))
        << done.header("Set-Cookie");
    EXPECT_EQ(done.header("Cache-Control"), "no-store");
    EXPECT_EQ(done.text.find("argon2"), std::string::npos);
    keep(done);
    EXPECT_EQ(get("session").json, done.json);
    EXPECT_EQ(send("GET", "/admin/api/setup?token=" + make_token()).json.at("operators"), 1);
}

TEST_F(Setup, ALinkForAnOperatorRenewsPasswordAndAuthenticator) {
    const Person before = set_up("ada");
    const testing::Session old = session_;
    const std::string token = make_token(kDay, "ada");
    EXPECT_EQ(send("GET", "/admin/api/setup?token=" + token).json,
              (Json{{"valid", true}, {"operators", 1}, {"operator", "ada"}}));
    Json other = form(token);
    other["name"] = "bob";
    const Answer refused = open_post("setup/begin", other);
    EXPECT_EQ(refused.status, 422) << refused.text;
    EXPECT_EQ(refused.code(), "name_of_another");
    EXPECT_EQ(get("session").status, 200) << "nothing is changed yet";
    next_code();
    const Answer done = open_post("setup/finish", finished(token));
    ASSERT_EQ(done.status, 200) << done.text;
    EXPECT_EQ(done.json.at("operator").at("name"), "ada");
    session_ = old;
    EXPECT_EQ(get("session").status, 401);
    keep(done);
    EXPECT_EQ(get("session").status, 200);
    next_code();
    EXPECT_EQ(login(before, code(before)).status, 401) << "the lost authenticator opens nothing";
    EXPECT_EQ(send("GET", "/admin/api/setup?token=" + make_token()).json.at("operators"), 1);
}

TEST_F(Setup, AUsedTokenIsGoodForNothing) {
    const std::string token = make_token();
    const Json whole = finished(token);
    ASSERT_EQ(open_post("setup/finish", whole).status, 200);
    next_code();
    Json again = whole;
    again["name"] = "eve";
    again["code"] = code({"", "", crypto::from_base32(whole.at("totp_secret").get<std::string>()).value()});
    for (const Answer& answer : {send("GET", "/admin/api/setup?token=" + token),
                                 open_post("setup/begin", form(token)), open_post("setup/finish", again)}) {
        EXPECT_EQ(answer.status, 404) << answer.text;
        EXPECT_EQ(answer.code(), "token_invalid");
        EXPECT_EQ(answer.header("Set-Cookie"), "");
    }
}

TEST_F(Setup, AnOldOrUnknownTokenIsGoodForNothing) {
    const std::string token = make_token(kDay);
    const Json whole = finished(token);
    clock_.pass(kDay);
    Json late = whole;
    late["code"] = code({"", "", crypto::from_base32(whole.at("totp_secret").get<std::string>()).value()});
    for (const Answer& answer :
         {send("GET", "/admin/api/setup?token=" + token), open_post("setup/begin", form(token)),
          open_post("setup/finish", late), send("GET", "/admin/api/setup?token=nonsense"),
          send("GET", "/admin/api/setup?token="), send("GET", "/admin/api/setup"),
          open_post("setup/begin", form("")), open_post("setup/finish", Json::object())}) {
        EXPECT_EQ(answer.status, 404) << answer.text;
        EXPECT_EQ(answer.code(), "token_invalid");
    }
}

TEST_F(Setup, ATokenMakesOneOperatorHoweverManyTryAtOnce) {
    const Json whole = finished(make_token());
    std::atomic<int> good{0}, answered{0};
    for (int i = 0; i < 4; ++i) {
        Json mine = whole;
        mine["name"] = "ada" + std::to_string(i);
        send_async("POST", "/admin/api/setup/finish", mine.dump(), {{"Content-Type", "application/json"}},
                   [&](const http::Response& response) {
                       if (response.status == 200) ++good;
                       ++answered;
                   });
    }
    ASSERT_TRUE(eventually([&] { return answered == 4; }));
    EXPECT_EQ(good.load(), 1);
}

TEST_F(Setup, NamesAndPasswordsHaveRules) {
    const std::string token = make_token();
    struct Case {
        const char* field;
        Json value;
        const char* code;
        const char* param;
    };
    const std::vector<Case> cases{
        {"password", "short", "password_too_short", "password"},
        {"password", "password1234", "password_too_common", "password"},
        {"password", std::string(129, 'p') + "q", "password_too_long", "password"},
        {"password", 123456789012345, "password_too_short", "password"},
        {"password", nullptr, "password_too_short", "password"},
        {"name", "", "name_invalid", "name"},
        {"name", "Ada", "name_invalid", "name"},
        {"name", "a b", "name_invalid", "name"},
        {"name", "ada\n", "name_invalid", "name"},
        {"name", std::string(65, 'a'), "name_invalid", "name"},
        {"name", 7, "name_invalid", "name"},
    };
    for (const Case& one : cases) {
        for (const char* route : {"setup/begin", "setup/finish"}) {
            Json json = form(token);
            json[one.field] = one.value;
            const Answer answer = open_post(route, json);
            EXPECT_EQ(answer.status, 422) << one.field << " " << one.value;
            EXPECT_EQ(answer.code(), one.code) << one.value;
            EXPECT_EQ(answer.param(), one.param) << one.value;
        }
    }
    Json longest = form(token);
    longest["name"] = std::string(64, 'a');
    EXPECT_EQ(open_post("setup/begin", longest).status, 200);
    EXPECT_EQ(send("GET", "/admin/api/setup?token=" + token).status, 200) << "the link still works";
}

TEST_F(Setup, AWrongCodeCostsNothing) {
    const std::string token = make_token();
    Json json = finished(token);
    const std::string right = json.at("code");
    for (const Json& wrong : {Json(right == "000000" ? "000001" : "000000"), Json(""), Json("12345"),
                              Json("abcdef"), Json(right + "0"), Json(123456)}) {
        json["code"] = wrong;
        const Answer answer = open_post("setup/finish", json);
        EXPECT_EQ(answer.status, 422) << wrong;
        EXPECT_EQ(answer.code(), "code_wrong");
    }
    json["code"] = right;
    for (const char* secret : {"", "AAAA", "not base32!"}) {
        Json other = json;
        other["totp_secret"] = secret;
        EXPECT_EQ(open_post("setup/finish", other).code(), "code_wrong") << secret;
    }
    EXPECT_EQ(open_post("setup/finish", json).status, 200);
}

TEST_F(Setup, ANameIsTakenOnce) {
    set_up("ada");
    const std::string token = make_token();
    const Answer answer = open_post("setup/finish", finished(token));
    EXPECT_EQ(answer.status, 409) << answer.text;
    EXPECT_EQ(answer.code(), "name_taken");
    EXPECT_EQ(answer.param(), "name");
    EXPECT_EQ(send("GET", "/admin/api/setup?token=" + token).status, 200) << "the link still works";
}

TEST_F(Setup, LinksAreNotGuessedAtALineRate) {
    int refused = 0;
    for (int i = 0; i < 400 && refused == 0; ++i) {
        const Answer answer = send("GET", "/admin/api/setup?token=wrong" + std::to_string(i));
        if (answer.status == 404) continue;
        EXPECT_EQ(answer.status, 429);
        EXPECT_EQ(answer.header("Retry-After"), "1");
        ++refused;
    }
    EXPECT_EQ(refused, 1);
    peer_ = "203.0.113.9";
    EXPECT_EQ(send("GET", "/admin/api/setup?token=" + make_token()).status, 200) << "another address";
}

}  // namespace
}  // namespace kontor::admin

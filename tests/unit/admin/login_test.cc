// Who may come in, and how they leave.

#include <atomic>

#include "domains/operators/operators.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/operators_bodies.pb.h"
#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::eventually;
using testing::Headers;
using testing::Json;
using testing::Person;

class Login : public testing::Office {
 protected:
    Login() {
        ada_ = set_up("ada");
        surface_clock_.stop();
    }
    std::string wrong_code() { return code(ada_) == "000000" ? "000001" : "000000"; }
    // Whether this browser has used up its free tries: the right password and a fresh code are no use then.
    bool has_to_wait(const std::string& cookie = "") {
        next_code();
        const int status = login(ada_, code(ada_), cookie).status;
        EXPECT_TRUE(status == 200 || status == 401) << status;
        return status == 401;
    }
    Person ada_;
};

TEST_F(Login, NeedsNamePasswordAndAFreshCode) {
    const Answer used = login(ada_, code(ada_));
    EXPECT_EQ(used.status, 401) << "the code of the set-up was used there";
    next_code();
    const std::string fresh = code(ada_);
    const Answer good = login(ada_, fresh);
    ASSERT_EQ(good.status, 200) << good.text;
    EXPECT_EQ(good.json.at("operator").at("name"), "ada");
    EXPECT_TRUE(good.header("Set-Cookie").starts_with("kontor_session="));
    EXPECT_NE(good.header("Set-Cookie").find("; HttpOnly; Secure; SameSite=Strict"), std::string::npos);
    const Answer twice = login(ada_, fresh);
    EXPECT_EQ(twice.status, 401) << "a code works once";
    EXPECT_EQ(twice.header("Set-Cookie"), "");
}

TEST_F(Login, TwoAtOnceWithOneCodeGiveOneSession) {
    next_code();
    const Json body{{"name", "ada"}, {"password", ada_.password}, {"code", code(ada_)}};
    std::atomic<int> good{0}, answered{0};
    for (int i = 0; i < 4; ++i)
        send_async("POST", "/admin/api/login", body.dump(), {{"Content-Type", "application/json"}},
                   [&](const http::Response& response) {
                       if (response.status == 200) ++good;
                       ++answered;
                   });
    ASSERT_TRUE(eventually([&] { return answered == 4; }));
    EXPECT_EQ(good.load(), 1);
}

TEST_F(Login, NothingTellsWhichPartWasWrong) {
    next_code();
    Person wrong_password = ada_, nobody = ada_, odd = ada_;
    wrong_password.password = "wrong horse battery";
    nobody.name = "nobody";
    odd.name = std::string(5'000, 'x');
    const Answer one = login(wrong_password, code(ada_)), two = login(ada_, wrong_code()),
                 three = login(nobody, code(ada_)), four = login(odd, code(ada_)),
                 five = open_post("login", Json::object());
    for (const Answer& answer : {one, two, three, four, five}) {
        EXPECT_EQ(answer.status, 401);
        EXPECT_EQ(answer.text, one.text);
        EXPECT_EQ(answer.header("Set-Cookie"), "");
    }
    EXPECT_EQ(one.code(), "login_failed");
    EXPECT_FALSE(one.header("Retry-After").empty());
    const std::size_t headers = one.response.headers.size();
    for (const Answer& answer : {two, three, four, five}) EXPECT_EQ(answer.response.headers.size(), headers);
}

TEST_F(Login, AStrangerLocksNobodyOut) {
    peer_ = "198.51.100.1";
    for (int i = 0; i < 12; ++i) EXPECT_EQ(login(ada_, wrong_code()).status, 401) << i;
    node_->read([&](const store::Reader& rows, std::uint64_t) {
        EXPECT_EQ(operators::find_operator_by_name(rows, "ada")->failed_logins(), 0U) << "nothing is written";
    });
    EXPECT_TRUE(has_to_wait()) << "at this address and for this name";
    EXPECT_EQ(get("session").status, 200) << "who is in stays in";
    Person other = set_up("bob");
    next_code();
    EXPECT_EQ(login(other, code(other)).status, 200) << "another name at this address";
    peer_ = "192.0.2.7";
    EXPECT_EQ(login(ada_, code(ada_)).status, 200) << "this name at another address";
}

TEST_F(Login, AWaitEndsAndDoubles) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(login(ada_, wrong_code()).header("Retry-After"), "1") << i;
    EXPECT_TRUE(has_to_wait());
    surface_clock_.stopped_ms += 1'000;
    EXPECT_EQ(login(ada_, wrong_code()).header("Retry-After"), "2");
    EXPECT_TRUE(has_to_wait());
    surface_clock_.stopped_ms += 2'000;
    EXPECT_FALSE(has_to_wait());
}

TEST_F(Login, NamesThatDoNotExistAreSlowedDownAlike) {
    Person nobody = ada_;
    nobody.name = "nobody";
    const std::string wrong = wrong_code();
    for (int i = 0; i < 9; ++i) {
        const Answer known = login(ada_, wrong), unknown = login(nobody, wrong);
        EXPECT_EQ(known.status, 401) << i;
        EXPECT_EQ(unknown.status, 401) << i;
        EXPECT_EQ(known.text, unknown.text) << i;
        ASSERT_EQ(known.response.headers.size(), unknown.response.headers.size());
        for (std::size_t h = 0; h < known.response.headers.size(); ++h)
            EXPECT_EQ(known.response.headers[h].name, unknown.response.headers[h].name);
    }
}

TEST_F(Login, AKnownBrowserOrAnOpenSessionIsNotSlowedDownByOthers) {
    const std::string browser = session_.browser, open = session_.cookie;
    ASSERT_TRUE(browser.starts_with("kontor_browser_")) << browser;
    for (int i = 0; i < 8; ++i) EXPECT_EQ(login(ada_, wrong_code()).status, 401);
    EXPECT_TRUE(has_to_wait()) << "a stranger's browser";
    EXPECT_FALSE(has_to_wait(browser));
    EXPECT_FALSE(has_to_wait(open));
    // It opens nothing, it is one operator's, and it ends.
    EXPECT_EQ(send("GET", "/admin/api/session", {}, Headers{{"Cookie", browser}}).status, 401);
    std::string forged = browser;
    forged.back() = forged.back() == '0' ? '1' : '0';
    EXPECT_TRUE(has_to_wait(forged));
    const Person eve = set_up("eve");
    EXPECT_TRUE(has_to_wait(session_.browser)) << "hers";
    clock_.pass(180LL * testing::kDay);
    EXPECT_TRUE(has_to_wait(browser));
}

TEST_F(Login, AKnownBrowserIsSlowedDownByItself) {
    const std::string browser = session_.browser;
    for (int i = 0; i < 8; ++i) EXPECT_EQ(login(ada_, wrong_code(), browser).status, 401);
    EXPECT_TRUE(has_to_wait(browser));
    next_code();
    EXPECT_EQ(login(ada_, code(ada_)).status, 200) << "without it, it is a stranger with a count of its own";
}

TEST_F(Login, TenAtOnceWithOneRightCodeAreOneLogin) {
    for (int round = 0; round < 3; ++round) {
        next_code();
        const Json body{{"name", "ada"}, {"password", ada_.password}, {"code", code(ada_)}};
        std::atomic<int> good{0}, refused{0}, answered{0};
        for (int i = 0; i < 10; ++i)
            send_async("POST", "/admin/api/login", body.dump(), {{"Content-Type", "application/json"}},
                       [&](const http::Response& response) {
                           good += response.status == 200 ? 1 : 0;
                           refused += response.status == 401 ? 1 : 0;
                           ++answered;
                       });
        ASSERT_TRUE(eventually([&] { return answered == 10; }));
        EXPECT_EQ(good.load(), 1) << round;
        EXPECT_EQ(refused.load(), 9) << round << ": and none of them counts as wrong";
    }
}

TEST_F(Login, ACodeThatWasUsedSaysNothingAgainstWhoSendsIt) {
    next_code();
    const std::string used = code(ada_);
    EXPECT_EQ(login(ada_, used).status, 200);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(login(ada_, used).status, 401);
    next_code();
    EXPECT_EQ(login(ada_, code(ada_)).status, 200);
}

TEST_F(Login, ALockOfAnEarlierVersionIsNotTold) {
    pb::Command lock;
    node_->read([&](const store::Reader& rows, std::uint64_t) {
        mutable_body(lock, pb::login_failed)
            ->set_operator_no(operators::find_operator_by_name(rows, "ada")->no());
    });
    for (int i = 0; i < 5; ++i) EXPECT_EQ(run(lock).outcome(), machine::outcome::ok);
    next_code();
    const Answer answer = login(ada_, code(ada_));
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.code(), "login_failed");
}

TEST_F(Login, AGoodLoginForgetsTheWrongOnes) {
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 4; ++i) EXPECT_EQ(login(ada_, wrong_code()).status, 401);
        next_code();
        EXPECT_EQ(login(ada_, code(ada_)).status, 200);
    }
}

TEST_F(Login, AFloodOfStrangersKeepsNobodyOut) {
    const std::string browser = session_.browser;
    constexpr int kTries = 300;
    std::atomic<int> refused{0}, busy{0}, answered{0};
    std::atomic<bool> says_when{true};
    for (int i = 0; i < kTries; ++i) {
        // One address and ever other names: nothing is learnt from how often each was tried.
        const Json body{{"name", "n" + std::to_string(i)}, {"password", "x"}, {"code", "000000"}};
        peer_ = "198.51.100.1";
        send_async("POST", "/admin/api/login", body.dump(), {{"Content-Type", "application/json"}},
                   [&](const http::Response& response) {
                       refused += response.status == 401 ? 1 : 0;
                       busy += response.status == 429 ? 1 : 0;
                       bool found = false;
                       for (const auto& header : response.headers) found |= header.name == "Retry-After";
                       if (!found) says_when = false;
                       ++answered;
                   });
    }
    next_code();
    EXPECT_EQ(login(ada_, code(ada_), browser).status, 200)
        << "a known browser goes first, at the same address";
    peer_ = "192.0.2.7";
    next_code();
    EXPECT_EQ(login(ada_, code(ada_)).status, 200) << "another address is next";
    EXPECT_LT(answered.load(), kTries);
    EXPECT_GT(busy.load(), 0);
    EXPECT_TRUE(says_when.load());
    admin_.reset();  // the others are not waited for
}

TEST_F(Login, ASessionEndsWithItsLogout) {
    const testing::Session first = session_;
    next_code();
    keep(login(ada_, code(ada_)));
    ASSERT_NE(first.cookie, session_.cookie);
    ASSERT_NE(first.csrf, session_.csrf);
    const Answer out = post("logout", Json::object());
    EXPECT_EQ(out.status, 200);
    EXPECT_EQ(out.json, Json::object());
    EXPECT_EQ(out.header("Set-Cookie"),
              "kontor_session=; Path=/admin; HttpOnly; Secure; SameSite=Strict; Max-Age=0");
    EXPECT_EQ(get("session").status, 401);
    EXPECT_EQ(post("logout", Json::object()).status, 401);
    session_ = first;
    EXPECT_EQ(get("session").status, 200) << "a logout ends one session only";
}

TEST_F(Login, ASessionEndsAfter12Hours) {
    clock_.pass(12 * 3'600'000 - 60'000);
    EXPECT_EQ(get("session").status, 200);
    clock_.pass(60'000);
    EXPECT_EQ(get("session").status, 401);
}

TEST_F(Login, TheCookieIsFoundAmongOthersAndOnlyByItsName) {
    const std::string value = session_.cookie.substr(session_.cookie.find('=') + 1);
    const auto status = [&](const std::string& cookie) {
        return send("GET", "/admin/api/session", {}, Headers{{"cookie", cookie}}).status;
    };
    EXPECT_EQ(status("a=b; kontor_session=" + value + "; c=d"), 200);
    EXPECT_EQ(status("a=b;kontor_session=" + value), 200);
    EXPECT_EQ(status("xkontor_session=" + value), 401);
    EXPECT_EQ(status("kontor_sessionx=" + value), 401);
    EXPECT_EQ(status("kontor_session=" + value + "x"), 401);
    EXPECT_EQ(status("kontor_session="), 401);
    EXPECT_EQ(status("kontor_session"), 401);
    EXPECT_EQ(status(";;;"), 401);
}

TEST_F(Login, TheStateKeepsNoCookiePasswordOrTotpSecret) {
    const std::string value = session_.cookie.substr(session_.cookie.find('=') + 1);
    node_->read([&](const store::Reader& rows, std::uint64_t) {
        const auto who = operators::find_operator_by_name(rows, "ada");
        ASSERT_TRUE(who);
        const std::string bytes = who->SerializeAsString();
        EXPECT_TRUE(who->password_hash().starts_with("$argon2id$"));
        EXPECT_EQ(bytes.find(ada_.password), std::string::npos);
        EXPECT_EQ(bytes.find(ada_.totp_secret), std::string::npos);
        const auto session = operators::find_session(rows, crypto::sha256(value));
        ASSERT_TRUE(session);
        EXPECT_EQ(session->SerializeAsString().find(value), std::string::npos);
        EXPECT_EQ(session->ip(), "192.0.2.7");
    });
}

TEST_F(Login, TheSurfaceMayEndWhileLoginsAreUnderWay) {
    next_code();
    const Json body{{"name", "ada"}, {"password", ada_.password}, {"code", code(ada_)}};
    const auto answers = std::make_shared<std::atomic<int>>(0);
    for (int i = 0; i < 6; ++i)
        send_async("POST", "/admin/api/login", body.dump(), {{"Content-Type", "application/json"}},
                   [answers](const http::Response&) { ++*answers; });
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    admin_.reset();  // a sanitizer says whether anything of it is still used
    EXPECT_LE(answers->load(), 6);
}

}  // namespace
}  // namespace kontor::admin

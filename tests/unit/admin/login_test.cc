// Who may come in, and how they leave.

#include <atomic>

#include "kontor/payments/queries.h"
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
    Login() { ada_ = set_up("ada"); }
    std::string wrong_code() { return code(ada_) == "000000" ? "000001" : "000000"; }
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
                   [&](const net::Response& response) {
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
    const auto index = node_->stats().applied_index;
    const Answer one = login(wrong_password, code(ada_)), two = login(ada_, wrong_code()),
                 three = login(nobody, code(ada_)), four = login(odd, code(ada_)),
                 five = open_post("login", Json::object());
    for (const Answer& answer : {one, two, three, four, five}) {
        EXPECT_EQ(answer.status, 401);
        EXPECT_EQ(answer.text, one.text);
        EXPECT_EQ(answer.header("Set-Cookie"), "");
    }
    EXPECT_EQ(one.code(), "login_failed");
    EXPECT_GE(node_->stats().applied_index, index + 5) << "and each took the same way, through the log";
}

TEST_F(Login, FiveWrongTriesLockTheNameFor15Minutes) {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(login(ada_, wrong_code()).status, 401) << i;
    next_code();
    const Answer locked = login(ada_, code(ada_));
    EXPECT_EQ(locked.status, 423) << "the right code does not help";
    EXPECT_EQ(locked.code(), "locked");
    EXPECT_EQ(get("session").status, 200) << "who is in stays in";
    clock_.wall += 15 * 60'000 - 30'000 - 1;
    EXPECT_EQ(login(ada_, code(ada_)).status, 423);
    clock_.wall += 1;
    EXPECT_EQ(login(ada_, code(ada_)).status, 200);
}

TEST_F(Login, AGoodLoginForgetsTheWrongOnes) {
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 4; ++i) EXPECT_EQ(login(ada_, wrong_code()).status, 401);
        next_code();
        EXPECT_EQ(login(ada_, code(ada_)).status, 200);
    }
}

TEST_F(Login, TooManyAtOnceAreToldToWait) {
    constexpr int kTries = 40;
    std::atomic<int> refused{0}, answered{0};
    std::atomic<bool> says_when{true};
    const Json body{{"name", "nobody"}, {"password", "x"}, {"code", "000000"}};
    for (int i = 0; i < kTries; ++i)
        send_async("POST", "/admin/api/login", body.dump(), {{"Content-Type", "application/json"}},
                   [&](const net::Response& response) {
                       if (response.status == 429) {
                           ++refused;
                           bool found = false;
                           for (const auto& header : response.headers) found |= header.name == "Retry-After";
                           if (!found) says_when = false;
                       }
                       ++answered;
                   });
    ASSERT_TRUE(eventually([&] { return answered == kTries; }));
    EXPECT_GT(refused.load(), 0);
    EXPECT_LT(refused.load(), kTries);
    EXPECT_TRUE(says_when.load());
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
    EXPECT_EQ(get("session").status, 200) << "the other one is another one";
}

TEST_F(Login, ASessionEndsAfter12Hours) {
    clock_.wall += 12 * 3'600'000 - 1;
    EXPECT_EQ(get("session").status, 200);
    clock_.wall += 1;
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
        const auto who = payments::find_operator_by_name(rows, "ada");
        ASSERT_TRUE(who);
        const std::string bytes = who->SerializeAsString();
        EXPECT_TRUE(who->password_hash().starts_with("$argon2id$"));
        EXPECT_EQ(bytes.find(ada_.password), std::string::npos);
        EXPECT_EQ(bytes.find(ada_.totp_secret), std::string::npos);
        const auto session = payments::find_session(rows, crypto::sha256(value));
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
                   [answers](const net::Response&) { ++*answers; });
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    admin_.reset();  // a sanitizer says whether anything of it is still used
    EXPECT_LE(answers->load(), 6);
}

}  // namespace
}  // namespace kontor::admin

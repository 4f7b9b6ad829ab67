// Every route of docs/admin-api.md: who may call it, with what, and what else is refused.

#include <fstream>
#include <regex>
#include <set>

#include "catalogue.h"
#include "kontor/json/value.h"
#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::Headers;
using testing::Json;

struct Route {
    const char* method;
    const char* path;  // as the page writes it
    const char* call;  // as a client writes it
    bool open;         // set-up and login
};
constexpr Route kRoutes[] = {
    {"GET", "setup?token=T", "setup?token=T", true},
    {"POST", "setup/begin", "setup/begin", true},
    {"POST", "setup/finish", "setup/finish", true},
    {"POST", "login", "login", true},
    {"POST", "logout", "logout", false},
    {"GET", "session", "session", false},
    {"GET", "{mode}/home", "test/home", false},
    {"GET", "{mode}/stream", "live/stream", false},
    {"GET",
     "{mode}/payments?status=&currency=&merchant=&customer=&q=&created_gte=&created_lt=&amount_gte=&"
     "amount_lte=&limit=&cursor=",
     "test/payments", false},
    {"GET", "{mode}/payments/{pi_…}", "live/payments/pi_00000000001", false},
    {"GET", "{mode}/merchants", "live/merchants", false},
    {"POST", "{mode}/merchants", "live/merchants", false},
    {"GET", "{mode}/merchants/{acct_…}", "live/merchants/acct_00000000001", false},
    {"GET", "{mode}/merchants/{acct_…}/keys", "live/merchants/acct_00000000001/keys", false},
    {"POST", "{mode}/merchants/{acct_…}/keys", "live/merchants/acct_00000000001/keys", false},
    {"POST", "{mode}/keys/{key_…}/revoke", "live/keys/key_00000000001/revoke", false},
    {"GET", "{mode}/channels", "live/channels", false},
    {"POST", "{mode}/channels", "live/channels", false},
    {"POST", "{mode}/channels/{account}", "live/channels/1", false},
    {"GET", "{mode}/channel_routes?merchant=", "live/channel_routes", false},
    {"POST", "{mode}/channel_routes", "live/channel_routes", false},
    {"GET", "approvals?status=&limit=&cursor=", "approvals", false},
    {"GET", "approvals/{apr_…}", "approvals/apr_00000000001", false},
    {"POST", "approvals/{apr_…}/approve", "approvals/apr_00000000001/approve", false},
    {"POST", "approvals/{apr_…}/reject", "approvals/apr_00000000001/reject", false},
    {"POST", "approvals/{apr_…}/withdraw", "approvals/apr_00000000001/withdraw", false},
    {"GET", "approval_policy", "approval_policy", false},
    {"POST", "approval_policy", "approval_policy", false},
};

class Surface : public testing::Office {
 protected:
    Answer call(const Route& route, const Headers& headers, const std::string& body = "{}") {
        return send(route.method, std::string("/admin/api/") + route.call,
                    std::string(route.method) == "GET" ? "" : body, headers);
    }
    static void expect_safe(const Answer& answer, const char* what) {
        EXPECT_EQ(answer.header("Content-Type"), "application/json") << what;
        EXPECT_EQ(answer.header("Cache-Control"), "no-store") << what;
        EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << what;
        EXPECT_NE(answer.header("Content-Security-Policy").find("default-src 'none'"), std::string::npos)
            << what;
        EXPECT_FALSE(answer.header("Strict-Transport-Security").empty()) << what;
    }
};

TEST(Routes, AreThoseOfTheDocumentation) {
    std::ifstream page(KONTOR_ADMIN_API_PAGE);
    ASSERT_TRUE(page);
    std::set<std::string> documented, tested;
    const std::regex row(R"(^\| `(GET|POST) ([^`]+)` \|.*)");
    for (std::string line; std::getline(page, line);) {
        std::smatch match;
        if (std::regex_match(line, match, row)) documented.insert(match[1].str() + " " + match[2].str());
    }
    for (const Route& route : kRoutes) tested.insert(std::string(route.method) + " " + route.path);
    EXPECT_EQ(documented, tested);
}

TEST(Routes, NothingIsThereTwice) {
    EXPECT_EQ(catalogue().problems(), "");
    EXPECT_EQ(catalogue().routes().size(), std::size(kRoutes)) << "the documentation has them all";
}

TEST_F(Surface, WithoutASessionNothingIsSaid) {
    for (const Route& route : kRoutes) {
        if (route.open) continue;
        for (const Headers& headers :
             {Headers{}, Headers{{"Cookie", "kontor_session=made-up"}, {"X-CSRF-Token", "made-up"}}}) {
            const Answer answer = call(route, headers);
            EXPECT_EQ(answer.status, 401) << route.path;
            EXPECT_EQ(answer.code(), "no_session") << route.path;
            expect_safe(answer, route.path);
        }
    }
    for (const char* unknown : {"", "secrets", "payments/", "payments/a/b", "keys", "setup/", "../v1"})
        EXPECT_EQ(send("GET", std::string("/admin/api/") + unknown).status, 401) << unknown;
}

TEST_F(Surface, AChangeNeedsTheSessionsOwnToken) {
    set_up("ada");
    const std::string others_csrf = session_.csrf;
    set_up("eve");
    for (const Route& route : kRoutes) {
        if (route.open || std::string(route.method) == "GET") continue;
        for (const Headers& headers :
             {Headers{{"Cookie", session_.cookie}, {"Content-Type", "application/json"}},
              Headers{
                  {"Cookie", session_.cookie}, {"X-CSRF-Token", ""}, {"Content-Type", "application/json"}},
              Headers{{"Cookie", session_.cookie},
                      {"X-CSRF-Token", others_csrf},
                      {"Content-Type", "application/json"}},
              Headers{{"Cookie", session_.cookie},
                      {"X-CSRF-Token", session_.csrf + "0"},
                      {"Content-Type", "application/json"}}}) {
            const Answer answer = call(route, headers);
            EXPECT_EQ(answer.status, 403) << route.path;
            EXPECT_EQ(answer.code(), "csrf") << route.path;
        }
    }
    EXPECT_EQ(get("session").status, 200) << "not even a logout went through";
    EXPECT_TRUE(get("merchants").json.at("data").empty());
}

TEST_F(Surface, BodiesAreJsonObjectsOfABoundedSize) {
    set_up("ada");
    for (const Route& route : kRoutes) {
        if (std::string(route.method) == "GET") continue;
        Headers headers = credentials();
        for (const char* bad : {"[]", "\"text\"", "{", "nonsense", "{}{}", "{\"name\":\"\xFF\"}"}) {
            const Answer answer = call(route, headers, bad);
            EXPECT_EQ(answer.status, 400) << route.path << " " << bad;
            EXPECT_EQ(answer.code(), "invalid_json") << route.path;
        }
        const std::string deep(kMaxJsonDepth, '[');
        for (const std::string& bad : {"{\"reason\":" + deep + std::string(kMaxJsonDepth, ']') + "}",
                                       std::string("{\"reason\":\"\\udc00\"}")}) {
            const Answer answer = call(route, headers, bad);
            EXPECT_EQ(answer.status, 400) << route.path << " " << bad;
            EXPECT_EQ(answer.code(), "invalid_json") << route.path;
        }
        const std::string padding(64U << 10U, ' ');
        EXPECT_EQ(call(route, headers, "{}" + padding).status, 413) << route.path;
        headers.back().value = "text/plain";
        EXPECT_EQ(call(route, headers, "{}").status, 415) << route.path;
        headers.back().value = "application/x-www-form-urlencoded";
        EXPECT_EQ(call(route, headers, "a=b").status, 415) << route.path;
    }
    Headers with_charset = credentials();
    with_charset.back().value = "application/json; charset=utf-8";
    const std::string largest = R"({"name":"Shop"})" + std::string((64U << 10U) - 15, ' ');  // exactly 64 KiB
    EXPECT_EQ(send("POST", "/admin/api/test/merchants", largest, with_charset).status, 200);
}

TEST_F(Surface, OtherPathsAndMethods) {
    set_up("ada");
    for (const char* unknown : {"", "test", "test/", "nothing", "payments/", "payments/a/b", "merchants/x",
                                "merchants//keys", "keys/key_1", "test/Session", "session/", "home%00",
                                "test/session", "live/login", "test/test/home"}) {
        const Answer answer = get(unknown);
        EXPECT_EQ(answer.status, 404) << unknown;
        EXPECT_EQ(answer.code(), "not_found") << unknown;
    }
    for (const Route& route : kRoutes) {
        for (const char* method : {"PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"}) {
            const Answer answer = send(method, std::string("/admin/api/") + route.call, {}, credentials());
            EXPECT_EQ(answer.status, 405) << method << " " << route.path;
            EXPECT_NE(answer.header("Allow").find(route.method), std::string::npos) << route.path;
        }
    }
    EXPECT_EQ(send("GET", "/admin/api/test/merchants/acct_1/keys", {}, credentials()).status, 404);
    const Answer both = send("PUT", "/admin/api/test/merchants", {}, credentials());
    EXPECT_EQ(both.header("Allow"), "GET, HEAD, POST");
}

TEST_F(Surface, AQueryThatDoesNotParseIsRefused) {
    set_up("ada");
    for (const char* bad :
         {"home?x=%zz", "payments?=x", "home?mode=test", "stream?mode=live", "live/payments?mode=live"}) {
        const Answer answer = get(bad);
        EXPECT_EQ(answer.status, 400) << bad;
        EXPECT_EQ(answer.code(), "invalid") << bad;
    }
}

TEST_F(Surface, TheModeIsASegmentOfTheAddress) {
    set_up("ada");
    for (const Route& route : kRoutes) {
        const std::string call = route.call;
        const bool has_mode = call.starts_with("test/") || call.starts_with("live/");
        const std::string body = std::string(route.method) == "GET" ? "" : "{}";
        for (const char* prefix : {"", "Test/", "both/", "live%2F", "/test/"}) {
            if (!has_mode) continue;
            const Answer answer =
                send(route.method, "/admin/api/" + (prefix + call.substr(5)), body, credentials());
            EXPECT_EQ(answer.status, 404) << prefix << call;
            EXPECT_EQ(answer.code(), "not_found") << prefix << call;
        }
        if (has_mode) continue;
        const Answer answer = send(route.method, "/admin/api/live/" + call, body, credentials());
        EXPECT_EQ(answer.status, 404) << call;
    }
    const Answer twice = post("test/merchants", {{"name", "Shop"}, {"mode", "live"}});
    EXPECT_EQ(twice.status, 400);
    EXPECT_EQ(twice.param(), "mode");
    EXPECT_TRUE(get("test/merchants").json.at("data").empty());
}

TEST_F(Surface, ANodeThatStoppedIsSaid) {
    set_up("ada");
    node_->stop();
    const Answer answer = post("merchants", {{"name", "Shop"}});
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.code(), "unavailable");
    EXPECT_EQ(answer.header("Retry-After"), "1");
}

}  // namespace
}  // namespace kontor::admin

// The pages themselves.

#include "kontor/web/assets.h"
#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::Headers;

class Assets : public testing::Office {
 protected:
    Answer page(const std::string& path, const Headers& headers = {}) {
        return send("GET", path, {}, headers);
    }
    static void expect_safe(const Answer& answer, const std::string& what) {
        const std::string policy = answer.header("Content-Security-Policy");
        EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << what;
        EXPECT_NE(policy.find("script-src 'self';"), std::string::npos) << what;
        EXPECT_NE(policy.find("style-src 'self';"), std::string::npos) << what;
        EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << what;
        EXPECT_EQ(policy.find("unsafe"), std::string::npos) << what;
        EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff") << what;
        EXPECT_EQ(answer.header("Referrer-Policy"), "no-referrer")
            << what << ": a link's token is in its address";
    }
};

TEST_F(Assets, EachIsServedInTheBestFormTheClientTakes) {
    for (const web::Asset& asset : web::assets()) {
        const std::string path = "/admin/" + std::string(asset.path);
        const Answer plain = page(path);
        ASSERT_EQ(plain.status, 200) << path;
        EXPECT_EQ(plain.text, asset.identity);
        EXPECT_EQ(plain.header("Content-Type"), asset.content_type);
        EXPECT_EQ(plain.header("ETag"), asset.etag);
        EXPECT_EQ(plain.header("Vary"), "Accept-Encoding");
        EXPECT_EQ(plain.header("Content-Encoding"), "");
        EXPECT_EQ(plain.header("Cache-Control"),
                  asset.immutable ? "public, max-age=31536000, immutable" : "no-cache");
        expect_safe(plain, path);
        const Answer best = page(path, {{"Accept-Encoding", "gzip, deflate, br"}});
        const std::string coding = !asset.brotli.empty() ? "br" : !asset.gzip.empty() ? "gzip" : "";
        EXPECT_EQ(best.header("Content-Encoding"), coding) << path;
        EXPECT_EQ(best.text, coding == "br" ? asset.brotli : coding == "gzip" ? asset.gzip : asset.identity);
        const Answer no_brotli = page(path, {{"Accept-Encoding", "br;q=0, gzip"}});
        EXPECT_EQ(no_brotli.header("Content-Encoding"), asset.gzip.empty() ? "" : "gzip") << path;
        const Answer known = page(path, {{"If-None-Match", std::string(asset.etag)}});
        EXPECT_EQ(known.status, 304) << path;
        EXPECT_EQ(known.text, "") << path;
        EXPECT_EQ(known.header("ETag"), asset.etag);
        EXPECT_EQ(page(path, {{"If-None-Match", "\"other\""}}).status, 200);
    }
}

TEST_F(Assets, ThePagesOwnAddressesGetTheIndex) {
    const Answer moved = page("/admin");
    EXPECT_EQ(moved.status, 302);
    EXPECT_EQ(moved.header("Location"), "/admin/");
    for (const char* path : {"/admin/", "/admin/payments", "/admin/payments/pi_00000000001", "/admin/setup",
                             "/admin/../../etc/passwd", "/admin/%2e%2e/secrets.key", "/admin/api"}) {
        const Answer answer = page(path);
        EXPECT_EQ(answer.status, 200) << path;
        EXPECT_EQ(answer.text, web::index_page().identity) << path;
        EXPECT_EQ(answer.header("Cache-Control"), "no-cache") << path;
        expect_safe(answer, path);
    }
}

TEST_F(Assets, WhatIsNotThereIsNotThere) {
    for (const char* path : {"/admin/assets/", "/admin/assets/none.js", "/admin/assets/../index.html",
                             "/admin/assets/%2e%2e/x"}) {
        const Answer answer = page(path);
        EXPECT_EQ(answer.status, 404) << path << ": an old page must notice that its script is gone";
        EXPECT_EQ(answer.text, "");
        expect_safe(answer, path);
    }
}

TEST_F(Assets, OnlyGetAndHead) {
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
        const Answer answer = send(method, "/admin/");
        EXPECT_EQ(answer.status, 405) << method;
        EXPECT_EQ(answer.header("Allow"), "GET, HEAD");
    }
}

}  // namespace
}  // namespace kontor::admin

// The request parser without a network: any cut of the bytes gives the same answer, and no bytes break it.

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "request_parser.h"

namespace kontor::http {
namespace {

// Feeds in pieces of the given size, as a session would: what is left over is given again.
struct Fed {
    int status = 0;
    bool complete = false;
    Request request;
    std::size_t taken = 0;
};
Fed feed(std::string_view bytes, std::size_t piece, const ServerLimits& limits = {}) {
    RequestParser parser(limits);
    std::string carry;
    Fed out;
    std::size_t given = 0;
    while (given < bytes.size() && !parser.complete() && parser.failure_status() == 0) {
        const std::size_t n = std::min(piece, bytes.size() - given);
        carry.append(bytes.substr(given, n));
        given += n;
        const std::size_t used = parser.feed(carry);
        out.taken += used;
        carry.erase(0, used);
    }
    out.status = parser.failure_status();
    out.complete = parser.complete();
    if (out.complete) out.request = parser.take();
    return out;
}

TEST(RequestParserTest, AHostIsANameOrAnAddress) {
    const auto status = [](const std::string& host) {
        return feed("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 4096).status;
    };
    for (const char* good :
         {"h", "", "pay.example", "pay.example:8443", "pay_1.example", "127.0.0.1", "[::1]", "[::1]:443",
          "h:", "xn--bcher-kva.example", "[v1.a:b]", "a%20b", "pay.example."})
        EXPECT_EQ(status(good), 0) << good;
    for (const char* bad : {"a b/c",   "a b",      "a/b",  "user@h",   "h:x",
                            "h:1:2",   "h:123456", "::1",  "[::1",     "[]",
                            "[::1]x",  "h?q",      "h#f",  "h,\"",     "<h>",
                            "[::1]:x", ":443",     "h\\x", "http://h", "\xC3\xBC.example",
                            "[a b]"})
        EXPECT_EQ(status(bad), 400) << bad;
}

TEST(RequestParserTest, EmptyLinesBeforeARequestAreFew) {
    const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
        EXPECT_TRUE(feed(std::string(kMaxEmptyBytes, '\n') + request, piece).complete);
        EXPECT_EQ(feed(std::string(kMaxEmptyBytes + 1, '\n') + request, piece).status, 400);
        EXPECT_EQ(feed(std::string(100'000, '\n'), piece).status, 400) << "no request at all";
    }
}

TEST(RequestParserTest, AnAbsoluteTargetNamesTheSameHost) {
    const auto fed = [](const std::string& target, const std::string& host, const char* version = "1.1") {
        return feed("POST " + target + " HTTP/" + version + "\r\n" +
                        (host.empty() ? "" : "Host: " + host + "\r\n") + "\r\n",
                    4096);
    };
    for (const auto& [target, host] :
         std::vector<std::pair<std::string, std::string>>{{"https://Pay.Example/v1/x?y=1", "pay.example"},
                                                          {"https://h:443/v1/x?y=1", "h"},
                                                          {"https://h/v1/x?y=1", "h:443"},
                                                          {"http://h/v1/x?y=1", "h:80"},
                                                          {"https://h:8443/v1/x?y=1", "h:8443"},
                                                          {"https://[::1]:443/v1/x?y=1", "[::1]"}}) {
        const Fed one = fed(target, host);
        ASSERT_TRUE(one.complete) << target << " " << one.status;
        EXPECT_EQ(one.request.path, "/v1/x");
        EXPECT_EQ(one.request.query, "y=1");
    }
    for (const auto& [target, host] :
         std::vector<std::pair<std::string, std::string>>{{"https://evil/v1/x", "localhost"},
                                                          {"https://h:8443/", "h"},
                                                          {"https://h/", "h:8443"},
                                                          {"http://h:443/", "h"},
                                                          {"https://u@h/", "h"},
                                                          {"https:///v1/x", "h"},
                                                          {"https://h x/", "h"},
                                                          {"https://[::1/", "[::1]"},
                                                          {"https://:443/", "h"},
                                                          {"https://h/", ""}})
        EXPECT_EQ(fed(target, host).status, 400) << target << " " << host;
    const Fed old = fed("https://h:1/x", "", "1.0");
    ASSERT_TRUE(old.complete);
    EXPECT_EQ(old.request.header("host"), "h:1") << "the target says it";
}

TEST(RequestParserTest, EveryCutGivesTheSameRequest) {
    const std::string bytes =
        "\r\nPOST /a/b?x=1&y HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX-A:  spaced \r\n\r\n"
        "5\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: t\r\n\r\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        const Fed fed = feed(bytes, piece);
        ASSERT_TRUE(fed.complete) << piece << " " << fed.status;
        EXPECT_EQ(fed.taken, bytes.size());
        EXPECT_EQ(fed.request.method, "POST");
        EXPECT_EQ(fed.request.path, "/a/b");
        EXPECT_EQ(fed.request.query, "x=1&y");
        EXPECT_EQ(fed.request.body, "hello!");
        EXPECT_EQ(fed.request.header("x-a"), "spaced");
        EXPECT_EQ(fed.request.header("trailer"), "");
    }
}

TEST(RequestParserTest, TheNextRequestIsLeftAlone) {
    const std::string one = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    const Fed fed = feed(one + one, 1000);
    ASSERT_TRUE(fed.complete);
    EXPECT_EQ(fed.taken, one.size());
}

TEST(RequestParserTest, HeaderLimitCountsTheWholeHeadInEveryCut) {
    ServerLimits limits;
    const std::string bytes = "GET /abc HTTP/1.1\r\nHost: h\r\nX: 12345\r\n\r\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        limits.max_header_bytes = bytes.size();
        EXPECT_TRUE(feed(bytes, piece, limits).complete) << piece;
        limits.max_header_bytes = bytes.size() - 1;
        EXPECT_EQ(feed(bytes, piece, limits).status, 431) << piece;
    }
}

TEST(RequestParserTest, MutatedRequestsNeverBreakIt) {
    const std::string seeds[] = {
        "GET /a?b=c HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, x\r\n\r\n",
        "POST /v1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\nA: "
        "b\r\n\r\n",
        "POST /v1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\nhello world!",
    };
    std::mt19937 random(7);  // a fixed seed: a failure repeats
    for (int round = 0; round < 30'000; ++round) {
        std::string bytes = seeds[random() % 3];
        for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
            const std::size_t at = random() % bytes.size();
            switch (random() % 4) {
                case 0:
                    bytes[at] = static_cast<char>(random());
                    break;
                case 1:
                    bytes.erase(at, 1 + random() % 4);
                    break;
                case 2:
                    bytes.insert(at, 1, "\r\n :;0"[random() % 6]);
                    break;
                default:
                    bytes.insert(at, bytes.substr(at, random() % 10));
                    break;
            }
            if (bytes.empty()) bytes = "\n";
        }
        const Fed whole = feed(bytes, bytes.size());
        const Fed parts = feed(bytes, 1 + random() % 9);
        // What is accepted must not depend on how the network cut the bytes. (When what is not accepted is
        // refused does: a bad line may be seen before or after the rest has come.)
        ASSERT_EQ(whole.complete, parts.complete) << bytes;
        ASSERT_LE(whole.taken, bytes.size());
        if (whole.complete) {
            ASSERT_EQ(whole.request.body, parts.request.body) << bytes;
            ASSERT_EQ(whole.taken, parts.taken) << bytes;
        }
    }
}

}  // namespace
}  // namespace kontor::http

// The request parser without a network: any cut of the bytes gives the same answer, and no bytes break it.

#include <gtest/gtest.h>

#include <random>

#include "request_parser.h"

namespace kontor::net {
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
}  // namespace kontor::net

// What bad, large and slow input gets. Every limit at its edge.

#include <sys/socket.h>

#include "http_fixture.h"
#include "kontor/http/client_address.h"
#include "request_parser.h"

namespace kontor::http {
namespace {

class ServerLimitsTest : public HttpFixture {
 protected:
    // The answer to `bytes`, which must end the connection cleanly.
    void expect_refused(std::string_view bytes, int status) {
        SCOPED_TRACE(std::string(bytes.substr(0, 60)));
        RawClient client(port());
        ASSERT_TRUE(client.connected());
        (void)client.send(bytes);
        auto answer = client.response();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, status);
        EXPECT_EQ(answer->headers["connection"], "close");
        EXPECT_EQ(answer->headers["content-type"], "application/json");
        const std::string type = status >= 500 ? "api_error" : "invalid_request_error";
        EXPECT_TRUE(answer->body.starts_with(R"({"error":{"message":")")) << answer->body;
        EXPECT_TRUE(answer->body.ends_with(R"(","type":")" + type + "\"}}")) << answer->body;
        EXPECT_EQ(client.end(), RawClient::End::clean);
    }
    void expect_accepted(std::string_view bytes) {
        SCOPED_TRACE(std::string(bytes.substr(0, 60)));
        RawClient client(port());
        ASSERT_TRUE(client.send(bytes));
        const auto answer = client.response();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 200);
    }
};

TEST_F(ServerLimitsTest, Garbage) {
    start();
    expect_refused("garbage\r\n\r\n", 400);
    expect_refused(std::string("\x00\x01\x02\x03\r\n\r\n", 8), 400);
    expect_refused("GET\r\n\r\n", 400);
    expect_refused("GET / FTP/1.1\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\nHost: x\n\n", 400);
    expect_refused("GET / HTTP/1.1\r\nno colon here\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nBad Name: x\r\nHost: x\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400);
    expect_refused("GET relative HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect_refused("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\n\r\n", 400);  // no Host
    expect_refused("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400);
    EXPECT_GE(server_->stats().bad_requests, 12U);
    EXPECT_EQ(handled_.load(), 0);
}

TEST_F(ServerLimitsTest, VersionsMethodsAndCodingsThatWeDoNotSpeak) {
    start();
    expect_refused("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505);
    expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    expect_refused("GET / HTTP/0.9\r\nHost: x\r\n\r\n", 505);
    expect_refused("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 501);
    expect_refused("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501);
    expect_refused("BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501);
    expect_refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501);
    expect_refused("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 501);
    expect_refused("POST / HTTP/1.1\r\nHost: x\r\nExpect: gold\r\n\r\n", 417);
}

TEST_F(ServerLimitsTest, NobodySmugglesARequest) {
    start();
    const std::string line = "POST /echo HTTP/1.1\r\nHost: x\r\n";
    expect_refused(line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_refused(line + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400);
    expect_refused(line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_refused(line + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400);
    expect_refused(line + "Content-Length: -1\r\n\r\n", 400);
    expect_refused(line + "Content-Length: 0x5\r\n\r\n", 400);
    expect_refused(line + "Content-Length: 99999999999999999999999\r\n\r\n", 400);
    expect_refused(line + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400);
    expect_refused(line + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", 400);
    expect_refused("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    EXPECT_EQ(handled_.load(), 0);
}

// Two parties that read the same request must not see two requests: nor two keys, nor two lengths.
TEST_F(ServerLimitsTest, WhatStandsOnceStandsOnce) {
    ServerOptions more = options();
    more.limits.single_fields = {"idempotency-key", "kontor-min-index"};
    start(more);
    for (const char* name : {"Authorization", "Content-Type", "Host", "Cookie", "Idempotency-Key",
                             "IDEMPOTENCY-KEY", "Kontor-Min-Index", "Origin"}) {
        const std::string line = std::string(name) + ": a\r\n";
        const std::string request = "POST /hello HTTP/1.1\r\nContent-Length: 0\r\n" +
                                    std::string(std::string_view(name) == "Host" ? "" : "Host: h\r\n");
        expect_accepted(request + line + "\r\n");
        expect_refused(request + line + line + "\r\n", 400);
        expect_refused(request + line + "X-Between: 1\r\n" + std::string(name) + ": b\r\n\r\n", 400);
    }
    expect_refused("POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
                   400);
    for (const char* length : {"5, 5", "5,5", "+5", "5 5", "", "0x5", "5.0"})
        expect_refused(
            "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::string(length) + "\r\n\r\nabcde",
            400);
    // Lists may be given in parts.
    expect_accepted(get("/hello",
                        "Accept: a/b\r\nAccept: c/d\r\nX-Forwarded-For: 1.2.3.4\r\n"
                        "X-Forwarded-For: 1.2.3.5\r\n"));
}

TEST_F(ServerLimitsTest, FoldedLinesAreRefused) {
    start();
    const int before = handled_.load();
    for (const char* fold :
         {"X-A: one\r\n two\r\n", "X-A: one\r\n\ttwo\r\n", "X-A:\r\n one\r\n", "X-A: one\r\n \r\n",
          "Authorization: Bearer\r\n sk_test_1\r\n", "Content-Length: 1\r\n 2\r\n"})
        expect_refused("POST /hello HTTP/1.1\r\nHost: h\r\n" + std::string(fold) + "\r\n", 400);
    expect_refused("GET /hello HTTP/1.1\r\n X-A: first\r\nHost: h\r\n\r\n", 400);
    EXPECT_EQ(handled_.load(), before);
}

TEST_F(ServerLimitsTest, HeaderAtTheLimit) {
    ServerOptions small = options();
    small.limits.max_header_bytes = 1024;
    start(small);
    const std::string frame = get("/hello", "X-Pad: \r\n");
    expect_accepted(get("/hello", "X-Pad: " + std::string(1024 - frame.size(), 'p') + "\r\n"));
    expect_refused(get("/hello", "X-Pad: " + std::string(1025 - frame.size(), 'p') + "\r\n"), 431);
    expect_refused("GET /hello HTTP/1.1\r\nX-Pad: " + std::string(2000, 'p'), 431);  // no end in sight
    std::string many = "GET /hello HTTP/1.1\r\nHost: x\r\n";
    for (std::size_t i = 1; i < kMaxHeaderFields; ++i) many += "a:\r\n";
    expect_accepted(many + "\r\n");
    expect_refused(many + "a:\r\n\r\n", 431);
}

TEST_F(ServerLimitsTest, TargetAtTheLimit) {
    ServerOptions small = options();
    small.limits.max_target_bytes = 100;
    small.limits.max_header_bytes = 1024;
    start(small);
    expect_accepted(get("/" + std::string(99, 't')));
    expect_refused(get("/" + std::string(100, 't')), 414);
    expect_refused("GET /" + std::string(3000, 't'), 414);
}

TEST_F(ServerLimitsTest, BodyAtTheLimit) {
    ServerOptions small = options();
    small.limits.max_body_bytes = 1000;
    start(small);
    expect_accepted(post("/hello", std::string(1000, 'b')));
    expect_refused(post("/hello", std::string(1001, 'b')), 413);
    expect_refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413);
    const std::string chunked = "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect_accepted(chunked + "1f4\r\n" + std::string(500, 'b') + "\r\n1f4\r\n" + std::string(500, 'b') +
                    "\r\n0\r\n\r\n");
    expect_refused(
        chunked + "1f4\r\n" + std::string(500, 'b') + "\r\n1f5\r\n" + std::string(501, 'b') + "\r\n0\r\n\r\n",
        413);
    expect_refused(chunked + "ffffffffffffffff\r\n", 413);
}

TEST_F(ServerLimitsTest, ALargeRefusedBodyDoesNotLoseTheAnswer) {
    start();
    expect_refused(post("/hello", std::string(8U << 20U, 'b')), 413);
}

TEST_F(ServerLimitsTest, ChunkHeadersAndTrailersAreBounded) {
    ServerOptions small = options();
    small.limits.max_header_bytes = 1024;
    start(small);
    const std::string chunked = "POST /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect_refused(chunked + "1;" + std::string(2000, 'x'), 431);
    expect_refused(chunked + "0\r\nX-T: " + std::string(2000, 'x'), 431);
}

TEST_F(ServerLimitsTest, AbsoluteTargetsAndEmptyLinesBeforeARequest) {
    start();
    RawClient client(port());
    ASSERT_TRUE(
        client.send("\r\n\r\nGET https://h:1/echo?q=1 HTTP/1.1\r\nHost: h:1\r\n\r\nOPTIONS * "
                    "HTTP/1.1\r\nHost: h\r\n\r\n"));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "GET /echo?q=1 ");
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
}

TEST_F(ServerLimitsTest, SlowHeaderBodyAndHandshake) {
    ServerOptions fast = options();
    fast.limits.header_timeout_ms = 200;
    fast.limits.body_timeout_ms = 200;
    fast.limits.handshake_timeout_ms = 200;
    start(fast);
    expect_refused("GET / HTTP/1.1\r\nHo", 408);
    expect_refused("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", 408);
    // Bytes that drip in do not extend the time: they would go on for minutes before the head is too long.
    RawClient dripping(port());
    std::atomic<bool> stop{false};
    std::thread drip([&] {
        while (!stop.load() && dripping.send("G")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
    ASSERT_TRUE(eventually([this] { return server_->stats().bad_requests >= 3; }));
    stop = true;
    drip.join();

    RawClient mute(port(), false);
    EXPECT_NE(mute.end(), RawClient::End::timeout);
    EXPECT_EQ(server_->stats().tls_failures, 1U);
}

TEST_F(ServerLimitsTest, IdleConnectionsAreClosedSilently) {
    ServerOptions fast = options();
    fast.limits.idle_timeout_ms = 200;
    start(fast);
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/hello")));
    ASSERT_TRUE(client.response());
    const std::uint64_t before = steady_ms();
    EXPECT_EQ(client.end(), RawClient::End::clean);
    EXPECT_GE(steady_ms() - before, 100U);
    EXPECT_TRUE(client.buffer.empty());
    EXPECT_EQ(server_->stats().bad_requests, 0U);
}

TEST_F(ServerLimitsTest, AHandlerThatNeverAnswersGets503AndTheConnectionLives) {
    ServerOptions fast = options();
    fast.limits.response_timeout_ms = 200;
    start(fast);
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/never")));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_TRUE(answer->headers.contains("retry-after"));
    kept_.front()(Response());  // too late: must not answer the next request
    ASSERT_TRUE(client.send(get("/hello")));
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "hello");
}

TEST_F(ServerLimitsTest, AReaderThatDoesNotReadIsCutOff) {
    ServerOptions fast = options();
    fast.limits.write_timeout_ms = 200;
    start(fast);
    RawClient client(port(), true, 4096);
    ASSERT_TRUE(client.send(get("/huge")));
    EXPECT_TRUE(
        eventually([this] { return handled_.load() == 1 && server_->stats().open_connections == 0; }));
}

// Where the kernel took megabytes a connection, nobody would count them.
TEST_F(ServerLimitsTest, WhatAReaderDoesNotReadIsCounted) {
    start();
    RawClient client(port(), true, 4096);
    ASSERT_TRUE(client.send(get("/large")));
    EXPECT_TRUE(eventually([this] { return server_->stats().answer_bytes >= 1U << 20U; }));
}

TEST_F(ServerLimitsTest, ConnectionsThatAreBusyAreNotClosedForNewOnes) {
    ServerOptions small = options();
    small.limits.max_connections = 3;
    start(small);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<RawClient>(port()));
        ASSERT_TRUE(clients.back()->send(get("/never")));
    }
    ASSERT_TRUE(eventually([this] { return handled_.load() == 3; }));
    EXPECT_FALSE(RawClient(port()).connected());
    EXPECT_GE(server_->stats().refused_connections, 1U);
    EXPECT_EQ(server_->stats().closed_for_room, 0U);
    {
        const std::lock_guard lock(mutex_);
        kept_.front()(Response{});
    }
    EXPECT_TRUE(eventually([this] { return RawClient(port()).connected(); }));  // that one idles now
}

// Idle ones make room, the longest idle first, whichever thread they are on.
TEST_F(ServerLimitsTest, IdleConnectionsMakeRoom) {
    for (const unsigned threads : {1U, 4U}) {
        for (const bool by_address : {false, true}) {
            SCOPED_TRACE(std::to_string(threads) + (by_address ? " address" : " all"));
            ServerOptions small = options();
            small.threads = threads;
            (by_address ? small.limits.max_connections_per_address : small.limits.max_connections) = 20;
            start(small);
            std::vector<std::unique_ptr<RawClient>> idle;  // half of them have not even greeted
            for (int i = 0; i < 20; ++i) idle.push_back(std::make_unique<RawClient>(port(), i % 2 == 0));
            ASSERT_TRUE(eventually([this] { return server_->stats().open_connections == 20; }));
            for (int i = 0; i < 30; ++i) {
                RawClient more(port());
                ASSERT_TRUE(more.send(get("/hello"))) << i;
                const auto answer = more.response();
                ASSERT_TRUE(answer) << i;
                EXPECT_EQ(answer->status, 200);
                EXPECT_LE(server_->stats().open_connections, 20U);
            }
            EXPECT_GE(server_->stats().closed_for_room, 1U);
            server_->stop(0);
        }
    }
}

// Heads that never end, bodies that nobody sent a key for and answers that nobody reads are no reason to
// stay.
TEST_F(ServerLimitsTest, SlowOnesMakeRoomToo) {
    ServerOptions small = options();
    small.limits.max_connections = 4;
    start(small);
    std::vector<std::unique_ptr<RawClient>> slow;
    for (int i = 0; i < 2; ++i) {
        slow.push_back(std::make_unique<RawClient>(port()));
        ASSERT_TRUE(slow.back()->send("GET /hello HTT"));
        slow.push_back(std::make_unique<RawClient>(port(), true, 4096));
        ASSERT_TRUE(slow.back()->send(get("/huge")));
    }
    // Until the socket takes no more of an answer, a server is still at work for it.
    constexpr std::size_t kBothAnswers = 2 * (32U << 20U);
    ASSERT_TRUE(eventually([this] { return server_->stats().answer_bytes >= kBothAnswers; }));
    for (int i = 0; i < 4; ++i) {
        RawClient more(port());
        ASSERT_TRUE(more.send(get("/hello"))) << i;
        ASSERT_TRUE(more.response()) << i;
    }
}

// Those that could make room are all another thread's, and that one is at work for a moment.
TEST_F(ServerLimitsTest, AThreadThatIsBusyIsWaitedForWhenItIsAskedForRoom) {
    ServerOptions small = options();
    small.threads = 4;
    small.limits.max_connections = 4;
    std::atomic<int> busy{0};
    const Handler usual = small.handler;
    small.handler = [&, usual](Request request, const Responder& respond) {
        if (request.path == "/busy") {
            ++busy;
            std::this_thread::sleep_for(std::chrono::milliseconds(300));
        }
        usual(std::move(request), respond);
    };
    start(small);
    for (int turn = 0; turn < 3; ++turn) {
        std::vector<std::unique_ptr<RawClient>> idle;
        for (int i = 0; i < 4; ++i) idle.push_back(std::make_unique<RawClient>(port()));
        // Whichever threads have them: all but the newcomer's own stand still once.
        const int before = busy.load();
        for (const auto& one : idle) (void)one->send(get("/busy"));
        ASSERT_TRUE(eventually([&] { return busy.load() > before; }));
        RawClient more(port());
        ASSERT_TRUE(more.send(get("/hello"))) << turn;
        ASSERT_TRUE(more.response()) << turn;
    }
}

// A body that comes faster than it is read holds up nobody else of its thread until it ends.
TEST_F(ServerLimitsTest, WhoSendsWithoutEndLetsOthersTakeTheirTurn) {
    ServerOptions one = options();
    one.threads = 1;
    one.limits.max_body_bytes = 4U << 20U;
    std::atomic<bool> is_held{false}, goes_on{false};
    std::vector<std::string> order;  // of the server's one thread
    const Handler usual = one.handler;
    one.handler = [&, usual](Request request, const Responder& respond) {
        if (request.path == "/hello") {
            is_held = true;
            goes_on.wait(false);
        }
        order.push_back(request.path);
        usual(std::move(request), respond);
    };
    start(one);
    RawClient first(port()), hog(port()), neighbour(port());
    ASSERT_TRUE(first.send(get("/hello")));
    ASSERT_TRUE(eventually([&] { return is_held.load(); }));
    std::atomic<bool> begun{false};
    std::thread sends([&] {
        const std::string large = post("/echo", std::string(3U << 20U, 'x'));
        (void)hog.send(std::string_view(large).substr(0, 64U << 10U));
        begun = true;
        (void)hog.send(std::string_view(large).substr(64U << 10U));
    });
    // Some of it has come, so the thread finds it before the neighbour's request.
    EXPECT_TRUE(eventually([&] { return begun.load(); }));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ASSERT_TRUE(neighbour.send(get("/head")));
    goes_on = true;
    goes_on.notify_all();
    EXPECT_TRUE(neighbour.response());
    EXPECT_TRUE(hog.response());
    sends.join();
    ASSERT_EQ(order.size(), 3U);
    EXPECT_EQ(order[1], "/head") << "before the large one was complete";
}

TEST_F(ServerLimitsTest, DescriptorsAboveTheCeilingAreForFiles) {
    ServerOptions small = options();
    small.limits.max_descriptor = 3;  // below any that a socket could get here
    start(small);
    EXPECT_FALSE(RawClient(port()).connected());
    EXPECT_EQ(server_->stats().refused_connections, 1U);
}

TEST_F(ServerLimitsTest, HandshakesAboveTheRateWaitForTheirTurn) {
    ServerOptions slow = options();
    slow.limits.handshakes_per_s_per_address = 5;
    start(slow);
    const std::uint64_t before = steady_ms();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(RawClient(port()).connected()) << i;
    EXPECT_GE(steady_ms() - before, 900U);  // five at once, and five more in a second
    EXPECT_GE(server_->stats().delayed_handshakes, 1U);
    EXPECT_EQ(server_->stats().tls_failures, 0U);
    server_->stop(0);

    ServerOptions proxied = slow;
    proxied.trusted_proxies = std::make_shared<const AddressRanges>(*AddressRanges::parse({"127.0.0.1"}));
    proxied.limits.max_connections_per_address = 2;
    start(proxied);
    std::vector<std::unique_ptr<RawClient>> many;
    for (int i = 0; i < 20; ++i) many.push_back(std::make_unique<RawClient>(port()));
    EXPECT_EQ(server_->stats().open_connections, 20U);
    EXPECT_EQ(server_->stats().delayed_handshakes, 0U);
}

// OpenSSL takes memory for a greeting by the length in its head.
TEST_F(ServerLimitsTest, AGreetingThatClaimsTooMuchIsRefusedUnread) {
    start();
    const auto claims = [](unsigned size) {
        return std::string("\x16\x03\x01\x40\x00\x01", 6) + static_cast<char>(size >> 16U) +
               static_cast<char>(size >> 8U) + static_cast<char>(size);
    };
    RawClient large(port(), false);
    ASSERT_TRUE(large.send(claims((16U << 10U) + 1)));
    EXPECT_NE(large.end(), RawClient::End::timeout);
    RawClient waits(port(), false);
    ASSERT_TRUE(waits.send(claims(16U << 10U)));
    EXPECT_EQ(waits.end(300), RawClient::End::timeout);
    RawClient piece(port(), false);  // a head in pieces is no reason for anything
    ASSERT_TRUE(piece.send(claims(16U << 10U).substr(0, 4)));
    EXPECT_EQ(piece.end(100), RawClient::End::timeout);
    ::shutdown(piece.fd(), SHUT_WR);
    EXPECT_NE(piece.end(), RawClient::End::timeout);
}

TEST_F(ServerLimitsTest, BadTlsBytesAndPlainHttp) {
    start();
    RawClient garbage(port(), false);
    ASSERT_TRUE(garbage.send(std::string(300, '\x7f')));
    EXPECT_NE(garbage.end(), RawClient::End::timeout);
    RawClient empty(port(), false);
    ::shutdown(empty.fd(), SHUT_WR);
    EXPECT_NE(empty.end(), RawClient::End::timeout);
    RawClient plain(port(), false);
    ASSERT_TRUE(plain.send(get("/hello")));
    const auto answer = plain.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
    EXPECT_NE(answer->body.find("HTTPS"), std::string::npos);
    EXPECT_EQ(plain.end(), RawClient::End::clean);
    EXPECT_TRUE(eventually([this] { return server_->stats().tls_failures == 3; }));
    // A TLS stream that turns into garbage after the handshake.
    RawClient turns(port());
    ASSERT_EQ(::send(turns.fd(), "garbage garbage garbage", 23, 0), 23);
    EXPECT_NE(turns.end(), RawClient::End::timeout);
    EXPECT_TRUE(eventually([this] { return server_->stats().open_connections == 0; }));
    RawClient good(port());
    ASSERT_TRUE(good.send(get("/hello")));
    EXPECT_TRUE(good.response());
}

TEST_F(ServerLimitsTest, WithoutAClockNoDateIsSent) {
    ServerOptions bare = options();
    bare.clock = nullptr;
    start(bare);
    RawClient client(port());
    ASSERT_TRUE(client.send("garbage\r\n\r\n"));
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body,
              R"({"error":{"message":"malformed HTTP request","type":"invalid_request_error"}})");
    EXPECT_FALSE(answer->headers.contains("date"));
}

}  // namespace
}  // namespace kontor::http

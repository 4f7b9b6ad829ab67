// The server's normal life: requests, answers, connections, stopping.

#include <malloc.h>
#include <sys/socket.h>

#include <chrono>

#include "http_fixture.h"
#include "response_head.h"
#include "support/environment.h"

namespace kontor::http {
namespace {

using ServerTest = HttpFixture;

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.connected());
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(client.send(post("/echo?a=1", "body" + std::to_string(i))));
        const auto answer = client.response();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "POST /echo?a=1 body" + std::to_string(i));
        EXPECT_FALSE(answer->headers.contains("connection"));
        EXPECT_TRUE(answer->headers.at("date").ends_with(" GMT"));
    }
    EXPECT_EQ(server_->stats().connections, 1U);
    EXPECT_EQ(server_->stats().requests, 3U);
    EXPECT_EQ(server_->stats().open_connections, 1U);
}

TEST_F(ServerTest, HttpDate) {
    EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 5.6.7
}

TEST_F(ServerTest, SpeaksTls12And13AndNothingOlder) {
    start();
    for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
        RawClient plain(port(), false);
        SSL_CTX* context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_security_level(context, 0);
        SSL_CTX_set_min_proto_version(context, version);
        SSL_CTX_set_max_proto_version(context, version);
        SSL* ssl = SSL_new(context);
        SSL_set_fd(ssl, plain.fd());
        EXPECT_EQ(SSL_connect(ssl) == 1, version != TLS1_1_VERSION) << version;
        SSL_free(ssl);
        SSL_CTX_free(context);
    }
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
    start();
    RawClient client(port());
    std::string all;
    for (int i = 0; i < 200; ++i) all += i % 20 == 0 ? get("/late") : post("/echo", std::to_string(i));
    ASSERT_TRUE(client.send(all));
    for (int i = 0; i < 200; ++i) {
        const auto answer = client.response();
        ASSERT_TRUE(answer) << i;
        EXPECT_EQ(answer->body, i % 20 == 0 ? "late" : "POST /echo? " + std::to_string(i));
    }
    EXPECT_EQ(server_->stats().requests, 200U);
}

TEST_F(ServerTest, ARequestMayArriveByteByByte) {
    start();
    RawClient client(port());
    for (const char c : post("/echo", "slow", "X-Test: 1\r\n")) ASSERT_TRUE(client.send({&c, 1}));
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "POST /echo? slow");
}

TEST_F(ServerTest, HeadHasTheLengthButNoBody) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" + get("/hello")));
    const auto head = client.response(true);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->headers.at("content-length"), "5");
    const auto next = client.response();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->body, "hello");
}

TEST_F(ServerTest, ChunkedBodiesAreAccepted) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4\r\nWiki\r\n6;ext=1\r\npedia \r\nB\r\nin \r\nchunks\r\n0\r\nX-Trailer: dropped\r\n\r\n"));
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "POST /echo? Wikipedia in \r\nchunks");
    ASSERT_TRUE(client.send(get("/hello")));
    ASSERT_TRUE(client.response());
}

TEST_F(ServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
    start();
    RawClient client(port());
    ASSERT_TRUE(
        client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
    const auto interim = client.response();
    ASSERT_TRUE(interim);
    EXPECT_EQ(interim->status, 100);
    ASSERT_TRUE(client.send("body"));
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST /echo? body");
    // A client that does not wait gets its answer only.
    ASSERT_TRUE(client.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"));
    const auto second = client.response();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->status, 200);
}

TEST_F(ServerTest, ConnectionCloseAndHttp10) {
    start();
    RawClient closing(port());
    ASSERT_TRUE(closing.send(get("/hello", "Connection: close\r\n")));
    const auto answer = closing.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->headers.at("connection"), "close");
    EXPECT_EQ(closing.end(), RawClient::End::clean);

    RawClient old(port());
    ASSERT_TRUE(old.send("GET /hello HTTP/1.0\r\n\r\n"));
    const auto old_answer = old.response();
    ASSERT_TRUE(old_answer);
    EXPECT_EQ(old_answer->body, "hello");
    EXPECT_EQ(old.end(), RawClient::End::clean);

    RawClient kept(port());
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(kept.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        const auto kept_answer = kept.response();
        ASSERT_TRUE(kept_answer);
        EXPECT_EQ(kept_answer->headers.at("connection"), "keep-alive");
    }
}

TEST_F(ServerTest, LargeStaticAndEmptyBodies) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/large") + get("/static") + get("/204") + get("/hello")));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, std::string(1U << 20U, 'L'));
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, std::string(100'000, 'S'));
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 204);
    EXPECT_FALSE(answer->headers.contains("content-length"));
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "hello");
}

TEST_F(ServerTest, HeadersArriveAndAreForgedByNobody) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/headers", "X-TEST:   padded \t\r\n") + get("/inject")));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "padded|127.0.0.1");
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "safe");
    EXPECT_EQ(answer->headers.at("x-value"), "a  X-Evil: 1");
    EXPECT_FALSE(answer->headers.contains("x-evil"));
    EXPECT_FALSE(answer->headers.contains("x-bad name"));
    EXPECT_EQ(answer->headers.at("content-length"), "4");
}

TEST_F(ServerTest, HandlersThatMisbehave) {
    start();
    RawClient client(port());
    for (const char* target : {"/throw", "/drop", "/latedrop", "/badstatus"}) {
        ASSERT_TRUE(client.send(get(target)));
        const auto answer = client.response();
        ASSERT_TRUE(answer) << target;
        EXPECT_EQ(answer->status, 500) << target;
        EXPECT_EQ(answer->headers.at("content-type"), "application/json");
        EXPECT_TRUE(answer->body.ends_with(R"(,"type":"api_error"}})")) << answer->body;
    }
    ASSERT_TRUE(client.send(get("/twice") + get("/hello")));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "one");
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "hello");
}

TEST_F(ServerTest, APreparedAnswerIsMadeOnTheSessionsThread) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/prepared")));
    auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->body, "made on another thread than it was asked for on");
    ASSERT_TRUE(client.send(get("/preparethrow")));
    answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500);
}

TEST_F(ServerTest, AnAnswerForSomebodyWhoLeftIsDropped) {
    start();
    {
        RawClient client(port());
        ASSERT_TRUE(client.send(get("/never")));
        ASSERT_TRUE(eventually([this] { return handled_.load() == 1; }));
    }
    Response late;
    late.body.assign(1U << 20U, 'x');
    {
        const std::lock_guard lock(mutex_);
        kept_.front()(late);
        kept_.front()(late);
    }
    RawClient other(port());
    ASSERT_TRUE(other.send(get("/hello")));
    EXPECT_TRUE(other.response());
    EXPECT_TRUE(eventually([this] { return server_->stats().open_connections == 1; }));
}

TEST_F(ServerTest, ClientsMayAbortInMidResponse) {
    start();
    for (int i = 0; i < 20; ++i) {
        RawClient client(port(), true, 4096);
        ASSERT_TRUE(client.send(get("/huge")));
        EXPECT_GE(client.read_some(1000).size(), 1000U);
        client.abort();
    }
    EXPECT_TRUE(eventually([this] { return server_->stats().open_connections == 0; }));
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/hello")));
    EXPECT_TRUE(client.response());
}

TEST_F(ServerTest, TwoHundredConnectionsAtOnce) {
    start();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<RawClient>(port()));
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < clients.size(); ++i)
            ASSERT_TRUE(clients[i]->send(post("/echo", std::to_string(i))));
        for (std::size_t i = 0; i < clients.size(); ++i) {
            const auto answer = clients[i]->response();
            ASSERT_TRUE(answer);
            EXPECT_EQ(answer->body, "POST /echo? " + std::to_string(i));
        }
    }
    EXPECT_EQ(server_->stats().open_connections, 200U);
    clients.clear();
    EXPECT_TRUE(eventually([this] { return server_->stats().open_connections == 0; }));
}

// An answer that was taken is memory given back, whether or not its connection lives on.
TEST_F(ServerTest, AConnectionDoesNotKeepALargeAnswer) {
    const auto in_use = [] {
        const struct mallinfo2 now = ::mallinfo2();
        return now.uordblks + now.hblkhd;
    };
    start();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 40; ++i) clients.push_back(std::make_unique<RawClient>(port()));
    const auto ask_all = [&](const std::string& path, std::size_t bytes) {
        for (const auto& client : clients) {
            ASSERT_TRUE(client->send(get(path)));
            const auto answer = client->response();
            ASSERT_TRUE(answer);
            ASSERT_EQ(answer->body.size(), bytes);
            client->buffer.shrink_to_fit();
        }
    };
    ask_all("/hello", 5);
    const std::size_t before = in_use();
    ask_all("/large", 1U << 20U);
    EXPECT_TRUE(eventually([&] { return in_use() < before + (10U << 20U); })) << in_use() - before;
}

TEST_F(ServerTest, StopFinishesWhatRuns) {
    start();
    RawClient busy(port());
    RawClient idle(port());
    ASSERT_TRUE(idle.send(get("/hello")));
    ASSERT_TRUE(idle.response());
    ASSERT_TRUE(busy.send(get("/never")));
    ASSERT_TRUE(eventually([this] { return handled_.load() == 2; }));
    std::thread stopper([this] { server_->stop(5000); });
    EXPECT_EQ(idle.end(), RawClient::End::clean);
    EXPECT_TRUE(eventually([this] { return !RawClient(port(), false).connected(); }));
    Response answer;
    answer.body = "finished";
    kept_.front()(std::move(answer));
    const auto last = busy.response();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->body, "finished");
    EXPECT_EQ(last->headers.at("connection"), "close");
    EXPECT_EQ(busy.end(), RawClient::End::clean);
    stopper.join();
    EXPECT_EQ(server_->stats().open_connections, 0U);
}

TEST_F(ServerTest, StopLetsALargeAnswerFinish) {
    start();
    RawClient client(port(), true, 4096);
    ASSERT_TRUE(client.send(get("/huge")));
    std::string seen = client.read_some(1000);  // the answer is on its way, without "Connection: close"
    const std::uint64_t before = steady_ms();
    std::thread stopper([this] { server_->stop(30'000); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    client.buffer = std::move(seen);
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.size(), 32U << 20U);
    EXPECT_EQ(client.end(), RawClient::End::clean);
    stopper.join();
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(25'000))
        << "the end comes with the last answer, not with the grace of 30 s";
}

TEST_F(ServerTest, StopDoesNotWaitLongerThanItsGrace) {
    start();
    RawClient busy(port());
    ASSERT_TRUE(busy.send(get("/never")));
    ASSERT_TRUE(eventually([this] { return handled_.load() == 1; }));
    const std::uint64_t before = steady_ms();
    server_->stop(100);
    EXPECT_LT(steady_ms() - before, kontor_test::patient_ms(3'000)) << "the grace is 100 ms";
    EXPECT_NE(busy.end(), RawClient::End::timeout);
    // The responder outlives the server.
    server_.reset();
    kept_.front()(Response());
}

TEST_F(ServerTest, DrainingTellsKeepAliveConnectionsToClose) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send(get("/hello")));
    ASSERT_TRUE(client.response());
    server_->stop_accepting();
    ASSERT_TRUE(client.send(get("/hello")));
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->headers.at("connection"), "close");
    EXPECT_EQ(client.end(), RawClient::End::clean);
}

TEST_F(ServerTest, WrongOptionsAreRefused) {
    const auto code = [](ServerOptions bad) {
        const auto server = Server::start(std::move(bad));
        return server ? ErrorCode::internal : server.error().code;
    };
    ServerOptions bad = options();
    bad.address = "localhost";
    EXPECT_EQ(code(bad), ErrorCode::invalid_argument);
    bad = options();
    bad.threads = 0;
    EXPECT_EQ(code(bad), ErrorCode::invalid_argument);
    bad = options();
    bad.handler = nullptr;
    EXPECT_EQ(code(bad), ErrorCode::invalid_argument);
    bad = options();
    bad.tls.private_key_pem =
        transport::issue_server_certificate(test_identity().authority, {"x"}, real_now_ms())
            .value()
            .private_key_pem;
    EXPECT_EQ(code(bad), ErrorCode::invalid_argument);
    bad = options();
    bad.tls.certificate_chain_pem = "garbage";
    EXPECT_EQ(code(bad), ErrorCode::invalid_argument);
    start();
    bad = options();
    bad.port = port();
    EXPECT_EQ(code(bad), ErrorCode::already_exists);  // a second server must not share the port silently
}

}  // namespace
}  // namespace kontor::http

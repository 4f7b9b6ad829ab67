// The client against a real server, a server that misbehaves, and nobody.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <mutex>
#include <vector>

#include "http_fixture.h"

namespace kontor::http {
namespace {

// A plain TCP listener that answers every connection with a fixed text after it has read something.
class FakeServer {
 public:
    explicit FakeServer(std::string answer, bool accept = true, bool keep_open = false, bool v6 = false)
        : answer_(std::move(answer)), keep_open_(keep_open) {
        fd_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in6 address{};  // both kinds have their port at the same place
        auto& address4 = reinterpret_cast<sockaddr_in&>(address);
        if (v6) {
            address.sin6_family = AF_INET6;
            address.sin6_addr = in6addr_loopback;
        } else {
            address4.sin_family = AF_INET;
            address4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        socklen_t size = v6 ? sizeof(address) : sizeof(address4);
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(fd_, generic, size) != 0 || ::listen(fd_, 16) != 0) return;
        ::getsockname(fd_, generic, &size);
        port_ = ntohs(v6 ? address.sin6_port : address4.sin_port);
        if (accept) thread_ = std::thread([this] { serve(); });
    }
    ~FakeServer() {
        ::shutdown(fd_, SHUT_RDWR);
        if (thread_.joinable()) thread_.join();
        for (const int client : kept_) ::close(client);
        ::close(fd_);
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::string url(const std::string& scheme = "http") const {
        return scheme + "://127.0.0.1:" + std::to_string(port_) + "/x";
    }
    std::atomic<int> connections{0};

 private:
    void serve() {
        for (;;) {
            const int client = ::accept(fd_, nullptr, nullptr);
            if (client < 0) return;
            connections.fetch_add(1);
            char chunk[4096];
            (void)!::recv(client, chunk, sizeof(chunk), 0);
            (void)!::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
            if (keep_open_) {
                kept_.push_back(client);
                continue;
            }
            ::shutdown(client, SHUT_WR);
            while (::recv(client, chunk, sizeof(chunk), 0) > 0) {
            }
            ::close(client);
        }
    }
    std::string answer_;
    const bool keep_open_;
    std::vector<int> kept_;  // the thread's, until it has ended
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

class ClientTest : public HttpFixture {
 protected:
    static ClientRequest request(std::string url, std::string method = "GET", std::string body = "") {
        ClientRequest out;
        out.url = std::move(url);
        out.method = std::move(method);
        out.body = std::move(body);
        out.timeout_ms = 10'000;
        return out;
    }
    static ErrorCode code_of(const Result<ClientResponse>& result) {
        EXPECT_FALSE(result) << (result ? result->status : 0);
        return result ? ErrorCode::already_exists : result.error().code;
    }
    std::unique_ptr<Client> plain_client() const {
        ClientOptions options = client_options();
        options.allow_plain_http = true;
        return Client::make(std::move(options));
    }
};

TEST_F(ClientTest, FetchesAndReusesItsConnection) {
    start();
    const auto client = Client::make(client_options());
    for (int i = 0; i < 5; ++i) {
        const auto answer = client->fetch(request(url("/echo?q"), "POST", "b" + std::to_string(i)));
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "POST /echo?q b" + std::to_string(i));
    }
    EXPECT_EQ(server_->stats().connections, 1U);
    ClientRequest with_header = request(url("/headers"));
    with_header.headers.push_back({"X-Test", "value"});
    EXPECT_EQ(client->fetch(with_header)->body, "value|127.0.0.1");
    EXPECT_EQ(client->fetch(request(url("/large")))->body.size(), 1U << 20U);
    EXPECT_EQ(client->fetch(request(url("/hello"), "HEAD"))->body, "");
    EXPECT_EQ(client->fetch(request(url("/204")))->status, 204);
    EXPECT_EQ(client->fetch(request("https://127.0.0.1:" + std::to_string(port()) + "/hello"))->body,
              "hello");
}

TEST_F(ClientTest, ManyRequestsShareTheAllowedConnections) {
    start();
    ClientOptions options = client_options();
    options.max_connections_per_origin = 4;
    options.threads = 2;
    const auto client = Client::make(std::move(options));
    std::atomic<int> good{0};
    std::promise<void> all;
    for (int i = 0; i < 500; ++i)
        client->send(request(url(i % 10 == 0 ? "/late" : "/hello")), [&](Result<ClientResponse> answer) {
            if (answer && answer->status == 200) good.fetch_add(1);
            if (good.load() == 500) all.set_value();
        });
    EXPECT_EQ(all.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
    EXPECT_EQ(good.load(), 500);
    EXPECT_LE(server_->stats().connections, 4U);
}

TEST_F(ClientTest, CertificatesAreVerified) {
    start();
    ClientOptions untrusting = client_options();
    untrusting.ca_pem.clear();
    auto answer = Client::make(untrusting)->fetch(request(url("/hello")));
    EXPECT_EQ(code_of(answer), ErrorCode::unavailable);
    EXPECT_NE(answer.error().message.find("not trusted"), std::string::npos) << answer.error().message;
    // The right authority, another name.
    answer = Client::make(client_options())
                 ->fetch(request("https://127.0.0.2:" + std::to_string(port()) + "/hello"));
    EXPECT_EQ(code_of(answer), ErrorCode::unavailable);

    ServerOptions other = options();
    other.tls =
        transport::issue_server_certificate(test_identity().authority, {"other.example"}, real_now_ms())
            .value();
    start(other);
    answer = Client::make(client_options())->fetch(request(url("/hello")));
    EXPECT_EQ(code_of(answer), ErrorCode::unavailable);
    EXPECT_NE(answer.error().message.find("not trusted"), std::string::npos) << answer.error().message;

    other.tls = transport::issue_server_certificate(test_identity().authority, {"localhost"},
                                                    real_now_ms() - std::int64_t{900} * 86'400'000)
                    .value();
    start(other);
    EXPECT_EQ(code_of(Client::make(client_options())->fetch(request(url("/hello")))),
              ErrorCode::unavailable);  // expired
    EXPECT_EQ(handled_.load(), 0);
}

TEST_F(ClientTest, NothingSentIsUnavailableAndNoAnswerIsTimeout) {
    start();
    const auto client = plain_client();
    // Nobody listens.
    std::uint16_t closed_port = 0;
    {
        const FakeServer gone("", false);
        closed_port = static_cast<std::uint16_t>(std::stoi(gone.url().substr(17)));
    }
    EXPECT_EQ(code_of(client->fetch(request("http://127.0.0.1:" + std::to_string(closed_port) + "/"))),
              ErrorCode::unavailable);
    EXPECT_EQ(code_of(client->fetch(request("https://nowhere.invalid/"))), ErrorCode::unavailable);
    // Connected (by the kernel), but TLS never begins: nothing of the request has left.
    const FakeServer deaf("", false);
    ClientRequest quick = request(deaf.url("https"));
    quick.timeout_ms = 200;
    EXPECT_EQ(code_of(client->fetch(quick)), ErrorCode::unavailable);
    // The request was sent, the answer never came.
    ClientRequest unanswered = request(url("/never"), "POST", "x");
    unanswered.timeout_ms = 200;
    EXPECT_EQ(code_of(client->fetch(unanswered)), ErrorCode::timeout);
    EXPECT_EQ(handled_.load(), 1);
    // Waiting for a free connection is "nothing sent" too.
    ClientOptions one = client_options();
    one.max_connections_per_origin = 1;
    const auto narrow = Client::make(one);
    std::promise<ErrorCode> first;
    ClientRequest slow = request(url("/never"));
    slow.timeout_ms = 600;
    narrow->send(slow, [&](Result<ClientResponse> answer) { first.set_value(answer.error().code); });
    ClientRequest waiting = request(url("/hello"));
    waiting.timeout_ms = 200;
    EXPECT_EQ(code_of(narrow->fetch(waiting)), ErrorCode::unavailable);
    EXPECT_EQ(first.get_future().get(), ErrorCode::timeout);
}

// Shops of many merchants at one host: what one of them never answers leaves connections to the others.
TEST_F(ClientTest, AnAccountNeverHasAllConnectionsOfAnOrigin) {
    start();
    ClientOptions few = client_options();
    few.max_connections_per_origin = 4;
    const auto client = Client::make(few);
    for (std::uint64_t account = 1; account <= 2; ++account)
        for (int i = 0; i < 10; ++i) {
            ClientRequest hanging = request(url("/never"));
            hanging.account = account;
            client->send(std::move(hanging), [](const Result<ClientResponse>&) {});
        }
    for (int i = 0; i < 5; ++i) {
        ClientRequest quick = request(url("/hello"));
        quick.account = 3;
        quick.timeout_ms = 10'000;
        const auto answer = client->fetch(quick);
        ASSERT_TRUE(answer) << answer.error().describe();
    }
    EXPECT_LE(handled_.load(), 3 + 5) << "two of the first account's are under way, one of the second's";
}

TEST_F(ClientTest, WhatWaitsIsTakenInTurnsBetweenAccounts) {
    start();
    ClientOptions one = client_options();
    one.max_connections_per_origin = 1;
    const auto client = Client::make(one);
    std::mutex mutex;
    std::vector<std::uint64_t> order;
    std::promise<void> all;
    const auto send = [&](std::uint64_t account) {
        ClientRequest quick = request(url("/hello"));
        quick.account = account;
        client->send(std::move(quick), [&, account](const Result<ClientResponse>& answer) {
            EXPECT_TRUE(answer);
            const std::lock_guard lock(mutex);
            order.push_back(account);
            if (order.size() == 9) all.set_value();
        });
    };
    ClientRequest first = request(url("/never"));
    first.timeout_ms = 300;
    client->send(std::move(first), [](const Result<ClientResponse>&) {});
    for (const std::uint64_t account : {1, 1, 1, 1, 1, 1, 2, 2, 3}) send(account);
    all.get_future().get();
    EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 3, 1, 2, 1, 1, 1, 1}));
}

TEST_F(ClientTest, BrokenAnswers) {
    const auto client = plain_client();
    const FakeServer nothing("");
    EXPECT_EQ(code_of(client->fetch(request(nothing.url(), "POST", "x"))), ErrorCode::io);
    const FakeServer garbage("garbage\r\n\r\n");
    EXPECT_EQ(code_of(client->fetch(request(garbage.url()))), ErrorCode::io);
    const FakeServer cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_EQ(code_of(client->fetch(request(cut.url()))), ErrorCode::io);
    const FakeServer cut_head("HTTP/1.1 200 OK\r\nContent-Le");
    EXPECT_EQ(code_of(client->fetch(request(cut_head.url()))), ErrorCode::io);
    const FakeServer endless("HTTP/1.1 200 OK\r\nX: " + std::string(300'000, 'x'));
    EXPECT_EQ(code_of(client->fetch(request(endless.url()))), ErrorCode::too_large);
}

TEST_F(ClientTest, UnusualButGoodAnswers) {
    const auto client = plain_client();
    const FakeServer until_end("HTTP/1.0 200 OK\r\n\r\nuntil the end");
    EXPECT_EQ(client->fetch(request(until_end.url()))->body, "until the end");
    const FakeServer interim(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 "
        "Created\r\nContent-Length: 2\r\n\r\nok");
    const auto answer = client->fetch(request(interim.url(), "POST", "x"));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->body, "ok");
    const FakeServer chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    EXPECT_EQ(client->fetch(request(chunked.url()))->body, "abc");
    const FakeServer redirect(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(client->fetch(request(redirect.url()))->status, 302);  // not followed
    // An early refusal of a body that is still being sent.
    const FakeServer early("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno");
    const auto refused = client->fetch(request(early.url(), "POST", std::string(16U << 20U, 'x')));
    ASSERT_TRUE(refused) << refused.error().describe();
    EXPECT_EQ(refused->status, 413);
}

// What a webhook's receiver answers behind its status is nobody's failure.
TEST_F(ClientTest, TheStatusIsEnoughWhateverFollows) {
    ClientOptions narrow = client_options();
    narrow.allow_plain_http = true;
    narrow.max_connections_per_origin = 2;
    const auto client = Client::make(std::move(narrow));
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const std::string bodies[] = {
        head + "Content-Length: 10\r\n\r\nabc",                                    // cut
        head + "Content-Length: 99999999999\r\n\r\n" + std::string(100'000, 'x'),  // long
        head + "Content-Length: 99999999999999999999999\r\n\r\n",                  // no number
        head + "Transfer-Encoding: chunked\r\n\r\n5\r\nab",                        // cut in a chunk
        head + "Transfer-Encoding: chunked\r\n\r\nno number\r\n",                  // broken
        head + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" + std::string(100'000, 'x'),
        head + "Content-Encoding: gzip\r\n\r\nnot gzip",
        head + "\r\n" + std::string(200'000, 'x'),
        "HTTP/1.1 200\n\n",
    };
    for (const std::string& answer : bodies) {
        const FakeServer server(answer);
        ClientRequest hook = request(server.url(), "POST", "x");
        hook.status_only = true;
        for (int i = 0; i < 5; ++i) {  // more than there may be connections
            const auto got = client->fetch(hook);
            ASSERT_TRUE(got) << got.error().describe() << " for " << answer.substr(0, 60);
            EXPECT_EQ(got->status, 200);
            EXPECT_EQ(got->body, "");
        }
    }
    // Late: the head is there at once, the body never.
    const FakeServer late(head + "Content-Length: 10\r\n\r\n", true, true);
    ClientRequest hook = request(late.url(), "POST", "x");
    hook.status_only = true;
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(client->fetch(hook)) << "those before hold no connection up";
    // A head that is cut is no answer.
    const FakeServer cut("HTTP/1.1 200 OK\r\nContent-Le");
    hook.url = cut.url();
    EXPECT_EQ(code_of(client->fetch(hook)), ErrorCode::io);
}

TEST_F(ClientTest, WithStatusOnlyTheConnectionIsStillUsedAgain) {
    start();
    const auto client = Client::make(client_options());
    ClientRequest hook = request(url("/echo"), "POST", "b");
    hook.status_only = true;
    for (int i = 0; i < 5; ++i) {
        const auto answer = client->fetch(hook);
        ASSERT_TRUE(answer) << answer.error().describe();
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "");
    }
    EXPECT_LE(server_->stats().connections, 2U) << "the first answer's body may still be on its way";
}

// "localhost" has two addresses; only the second one listens.
TEST_F(ClientTest, ANameWithSeveralAddressesIsTriedInTurn) {
    const FakeServer on_v6("HTTP/1.1 204 No Content\r\n\r\n", true, false, true);
    if (on_v6.port() == 0) GTEST_SKIP() << "no IPv6 on this machine";
    const auto client = plain_client();
    const auto answer = client->fetch(request("http://localhost:" + std::to_string(on_v6.port()) + "/"));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->status, 204);
}

TEST_F(ClientTest, ResponsesAreBoundedExactly) {
    start();
    ClientOptions small = client_options();
    small.max_response_bytes = 1U << 20U;
    EXPECT_TRUE(Client::make(small)->fetch(request(url("/large"))));
    small.max_response_bytes = (1U << 20U) - 1;
    EXPECT_EQ(code_of(Client::make(small)->fetch(request(url("/large")))), ErrorCode::too_large);
}

TEST_F(ClientTest, AClosedIdleConnectionIsReplaced) {
    ServerOptions fast = options();
    fast.limits.idle_timeout_ms = 100;
    start(fast);
    const auto client = Client::make(client_options());
    ASSERT_TRUE(client->fetch(request(url("/hello"))));
    ASSERT_TRUE(eventually([this] { return server_->stats().open_connections == 0; }));
    const auto answer = client->fetch(request(url("/hello"), "POST", "x"));
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(server_->stats().connections, 2U);
}

TEST_F(ClientTest, WrongRequestsAreRefusedBeforeAnythingHappens) {
    const auto client = Client::make(client_options());
    EXPECT_EQ(code_of(client->fetch(request("http://127.0.0.1:1/"))), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(client->fetch(request("nonsense"))), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of(client->fetch(request("https://127.0.0.1:1/", "BAD METHOD"))),
              ErrorCode::invalid_argument);
    ClientRequest forged = request("https://127.0.0.1:1/");
    forged.headers.push_back({"X", "a\r\nY: b"});
    EXPECT_EQ(code_of(client->fetch(forged)), ErrorCode::invalid_argument);
    ClientOptions bad = client_options();
    bad.ca_pem = "not a certificate";
    EXPECT_EQ(code_of(Client::make(bad)->fetch(request("https://127.0.0.1:1/"))),
              ErrorCode::invalid_argument);
}

TEST_F(ClientTest, PrivateAddressesAreRefused) {
    start();
    ClientOptions outside = client_options();
    outside.allow_private_addresses = false;
    const auto client = Client::make(outside);
    for (const std::string& target :
         {url("/hello"), "https://127.0.0.1:" + std::to_string(port()) + "/hello",
          std::string("https://10.0.0.1/"), std::string("https://[::1]/"),
          std::string("https://[::ffff:192.168.1.1]/"), std::string("https://169.254.169.254/")})
        EXPECT_EQ(code_of(client->fetch(request(target))), ErrorCode::permission_denied) << target;
    EXPECT_EQ(server_->stats().connections, 0U);
}

TEST_F(ClientTest, DestructionAnswersEverybody) {
    start();
    std::atomic<int> answered{0};
    {
        ClientOptions one = client_options();
        one.max_connections_per_origin = 2;
        const auto client = Client::make(one);
        for (int i = 0; i < 10; ++i)
            client->send(request(url("/never")), [&](Result<ClientResponse> answer) {
                EXPECT_FALSE(answer);
                answered.fetch_add(1);
            });
        ASSERT_TRUE(eventually([this] { return handled_.load() == 2; }));
    }
    EXPECT_EQ(answered.load(), 10);
}

}  // namespace
}  // namespace kontor::http

// The load client against the real server, and the head parser on its own.

#include "kontor/http/load_client.h"

#include "http_fixture.h"

namespace kontor::http {
namespace {

using State = AnswerHead::State;

TEST(AnswerHead, LengthStatusAndClose) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: a\r\ncontent-LENGTH: 12\r\n\r\n";
    const AnswerHead parsed = parse_answer_head(head + "hello");
    EXPECT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.status, 200);
    EXPECT_EQ(parsed.head_bytes, head.size());
    EXPECT_EQ(parsed.body_bytes, 12U);
    EXPECT_FALSE(parsed.close);
    const AnswerHead closing =
        parse_answer_head("HTTP/1.1 429 Slow Down\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(closing.status, 429);
    EXPECT_TRUE(closing.close);
    EXPECT_EQ(parse_answer_head("HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n").state, State::complete);
}

TEST(AnswerHead, EveryPrefixIsIncomplete) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n";
    for (std::size_t size = 0; size < head.size(); ++size)
        EXPECT_EQ(parse_answer_head(head.substr(0, size)).state, State::incomplete) << size;
    EXPECT_EQ(parse_answer_head(head).state, State::complete);
}

TEST(AnswerHead, WhatItCannotUseIsSaid) {
    for (const char* wrong :
         {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
          "HTTP/1.1 200 OK\r\nX-Content-Length: 1\r\n\r\n", "HTTP/1.1 abc\r\nContent-Length: 1\r\n\r\n",
          "HTTP/1.1 100 Continue\r\n\r\n", "SSH-2.0\r\n\r\n"})
        EXPECT_EQ(parse_answer_head(wrong).state, State::unusable) << wrong;
}

class LoadClientTest : public HttpFixture, protected LoadHandler {
 protected:
    struct Seen {
        std::size_t connection;
        int status;
        std::string body, failure;
    };
    std::unique_ptr<LoadClient> connect(std::size_t connections) {
        LoadClientOptions options;
        options.url = url("");
        options.ca_pem = test_identity().authority.certificate_pem;
        options.connections = connections;
        auto client = LoadClient::connect(options);
        EXPECT_TRUE(client) << client.error().describe();
        return client ? std::move(client).value() : nullptr;
    }
    void on_answer(std::size_t connection, const LoadAnswer& answer) override {
        seen_.push_back({connection, answer.status, std::string(answer.body), std::string(answer.failure)});
    }
    bool poll_until(LoadClient& client, std::size_t answers) {
        return eventually([&] {
            client.poll(10'000, *this);
            return seen_.size() >= answers;
        });
    }
    static void get(LoadClient& client, std::size_t connection, const std::string& path) {
        client.buffer(connection) += "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
        client.send(connection);
    }
    std::vector<Seen> seen_;
};

TEST_F(LoadClientTest, ManyConnectionsManyTimes) {
    start();
    const auto client = connect(5);
    ASSERT_TRUE(client);
    for (std::size_t round = 1; round <= 20; ++round) {
        for (std::size_t i = 0; i < 5; ++i) get(*client, i, "/hello");
        ASSERT_TRUE(poll_until(*client, round * 5));
    }
    for (const Seen& seen : seen_) EXPECT_EQ(seen.status, 200);
}

TEST_F(LoadClientTest, LargeRequestsAndAnswers) {
    start();
    const auto client = connect(1);
    ASSERT_TRUE(client);
    const std::string body(1'500'000, 'x');
    client->buffer(0) +=
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    client->send(0);
    ASSERT_TRUE(poll_until(*client, 1));
    EXPECT_EQ(seen_[0].status, 200);
    EXPECT_GE(seen_[0].body.size(), body.size());
    get(*client, 0, "/large");
    ASSERT_TRUE(poll_until(*client, 2));
    EXPECT_EQ(seen_[1].status, 200);
    EXPECT_EQ(seen_[1].body.size(), 1U << 20U);
}

TEST_F(LoadClientTest, AConnectionThatTheServerClosedIsMadeAgain) {
    ServerOptions closing = options();
    closing.limits.max_body_bytes = 1000;
    start(std::move(closing));
    const auto client = connect(1);
    ASSERT_TRUE(client);
    client->buffer(0) +=
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x');
    client->send(0);
    ASSERT_TRUE(poll_until(*client, 1));
    EXPECT_EQ(seen_[0].status, 413);
    get(*client, 0, "/hello");
    ASSERT_TRUE(poll_until(*client, 2));
    EXPECT_EQ(seen_[1].status, 200);
}

TEST_F(LoadClientTest, AServerThatIsGoneIsAnAnswerAndNoEnd) {
    start();
    const auto client = connect(2);
    ASSERT_TRUE(client);
    get(*client, 0, "/never");
    client->poll(50'000, *this);
    server_->stop(0);
    server_.reset();
    ASSERT_TRUE(poll_until(*client, 1));
    EXPECT_EQ(seen_[0].failure, seen_[0].status == 0 ? "connection closed" : "");
    for (std::size_t round = 2; round <= 4; ++round) {
        get(*client, 0, "/hello");
        ASSERT_TRUE(poll_until(*client, round));
        EXPECT_EQ(seen_.back().status, 0);
        EXPECT_NE(seen_.back().failure, "");
    }
}

TEST_F(LoadClientTest, ACertificateThatIsNotTrustedEndsIt) {
    start();
    LoadClientOptions options;
    options.url = url("");
    const auto client = LoadClient::connect(options);
    ASSERT_FALSE(client);
    EXPECT_NE(client.error().message.find("certificate not trusted"), std::string::npos)
        << client.error().message;
}

TEST_F(LoadClientTest, Limits) {
    start();
    LoadClientOptions options;
    options.url = url("");
    options.ca_pem = test_identity().authority.certificate_pem;
    for (const std::size_t wrong : {std::size_t{0}, kMaxLoadConnections + 1}) {
        options.connections = wrong;
        const auto client = LoadClient::connect(options);
        ASSERT_FALSE(client);
        EXPECT_EQ(client.error().code, ErrorCode::invalid_argument);
    }
    options.connections = 1;
    options.url = "http://localhost:1";
    EXPECT_FALSE(LoadClient::connect(options));
}

}  // namespace
}  // namespace kontor::http

// Server-sent events: streams after the head.

#include "http_fixture.h"
#include "server_state.h"

namespace kontor::http {
namespace {

class ServerStreamTest : public HttpFixture {
 protected:
    std::shared_ptr<Stream> open_stream(RawClient& client) {
        EXPECT_TRUE(client.send(get("/sse")));
        EXPECT_TRUE(eventually([this] {
            const std::lock_guard lock(mutex_);
            return !streams_.empty();
        }));
        const std::lock_guard lock(mutex_);
        auto stream = std::move(streams_.back());
        streams_.pop_back();
        return stream;
    }
};

TEST_F(ServerStreamTest, EventsArriveAndTheConnectionLivesOn) {
    start();
    RawClient client(port());
    auto stream = open_stream(client);
    EXPECT_TRUE(stream->open());
    std::thread writer([stream] {
        for (int i = 0; i < 100; ++i) stream->write("data: " + std::to_string(i) + "\n\n");
        stream->write("");  // nothing, and not the end
        stream->write("data: last\n\n");
        stream->close();
        stream->write("after the end");
    });
    const auto answer = client.response();
    writer.join();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->headers.at("content-type"), "text/event-stream");
    EXPECT_EQ(answer->headers.at("transfer-encoding"), "chunked");
    EXPECT_FALSE(answer->headers.contains("content-length"));
    std::string wanted = "data: first\n\n";
    for (int i = 0; i < 100; ++i) wanted += "data: " + std::to_string(i) + "\n\n";
    EXPECT_EQ(answer->body, wanted + "data: last\n\n");
    EXPECT_FALSE(stream->open());
    ASSERT_TRUE(client.send(get("/hello")));
    const auto next = client.response();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->body, "hello");
}

TEST_F(ServerStreamTest, EachEventIsDeliveredWithoutWaitingForTheNext) {
    start();
    RawClient client(port());
    const auto stream = open_stream(client);
    std::string seen;
    while (seen.find("first") == std::string::npos) seen += client.read_some(1);
    stream->write("data: second\n\n");
    while (seen.find("second") == std::string::npos) {
        const std::string more = client.read_some(1);
        ASSERT_FALSE(more.empty());
        seen += more;
    }
}

TEST_F(ServerStreamTest, DestructionIsTheEnd) {
    start();
    RawClient client(port());
    open_stream(client).reset();
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "data: first\n\n");
}

TEST_F(ServerStreamTest, Http10GetsTheBytesAndThenTheEnd) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send("GET /sse HTTP/1.0\r\n\r\n"));
    ASSERT_TRUE(eventually([this] {
        const std::lock_guard lock(mutex_);
        return !streams_.empty();
    }));
    streams_.clear();
    const std::string all = client.read_some(1U << 20U);
    EXPECT_TRUE(all.ends_with("\r\n\r\ndata: first\n\n")) << all;
    EXPECT_EQ(client.end(), RawClient::End::clean);
}

TEST_F(ServerStreamTest, AClientThatLeavesClosesTheStream) {
    start();
    std::shared_ptr<Stream> stream;
    {
        RawClient client(port());
        stream = open_stream(client);
        EXPECT_TRUE(stream->open());
    }
    EXPECT_TRUE(eventually([&stream] { return !stream->open(); }));
    stream->write("nobody listens");
    EXPECT_TRUE(eventually([this] { return server_->stats().open_connections == 0; }));
}

TEST_F(ServerStreamTest, ASlowClientIsCutOffAtTheBound) {
    start();
    RawClient client(port(), true, 4096);
    const auto stream = open_stream(client);
    // The kernel's buffers take some, then the queue fills.
    for (int i = 0; i < 400 && stream->open(); ++i) {
        stream->write(std::string(64U << 10U, 'x'));
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_FALSE(stream->open());
    EXPECT_TRUE(eventually([this] { return server_->stats().open_connections == 0; }));
}

TEST_F(ServerStreamTest, OneWriteOfExactlyTheBoundIsFineAndOneMoreByteIsNot) {
    start();
    RawClient client(port());
    auto stream = open_stream(client);
    std::string seen;
    while (seen.find("first") == std::string::npos) seen += client.read_some(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the first event has left the queue
    stream->write(std::string(kMaxStreamQueueBytes, 'y'));
    EXPECT_TRUE(stream->open());
    EXPECT_GE(client.read_some(kMaxStreamQueueBytes).size(), kMaxStreamQueueBytes);
    stream.reset();
    RawClient other(port());
    stream = open_stream(other);
    stream->write(std::string(kMaxStreamQueueBytes + 1, 'y'));
    EXPECT_FALSE(stream->open());
    EXPECT_NE(other.end(), RawClient::End::timeout);
}

TEST_F(ServerStreamTest, StopEndsStreamsCleanly) {
    start();
    RawClient client(port());
    const auto stream = open_stream(client);
    std::thread stopper([this] { server_->stop(5000); });
    const auto answer = client.response();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "data: first\n\n");
    EXPECT_EQ(client.end(), RawClient::End::clean);
    stopper.join();
    EXPECT_FALSE(stream->open());
    server_.reset();
    stream->write("the stream outlives the server");
}

TEST_F(ServerStreamTest, HeadOfAStreamHasNoBody) {
    start();
    RawClient client(port());
    ASSERT_TRUE(client.send("HEAD /sse HTTP/1.1\r\nHost: x\r\n\r\n" + get("/hello")));
    ASSERT_TRUE(client.response(true));
    const auto next = client.response();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->body, "hello");
    EXPECT_TRUE(streams_.empty());
}

}  // namespace
}  // namespace kontor::http

// Who is not let in, and what he is told.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer_fixture.h"

namespace kontor::peer {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

class PeerRefusalTest : public PeerTest {
 protected:
    // What a listener with id 1 tells somebody with these credentials.
    static std::string told(const PeerNode& node, const PeerCredentials& credentials,
                            Purpose purpose = Purpose::messages, std::uint16_t protocol = kPeerProtocol) {
        RawPeer peer(node.net->port(), credentials);
        if (!peer.connected()) return "no handshake";
        const auto frame = peer.greet(purpose, "", protocol);
        if (!frame) return "nothing";
        return frame->kind == FrameKind::refused ? frame->body : "accepted";
    }
    static bool has(const std::string& text, const std::string& part) {
        if (text.find(part) != std::string::npos) return true;
        ADD_FAILURE() << "'" << text << "' lacks '" << part << "'";
        return false;
    }
};

TEST_F(PeerRefusalTest, TheListenerSaysWhy) {
    PeerNode one(1);
    one.start();
    const auto& authority = cluster_authority();
    EXPECT_EQ(told(one, credentials_of(authority, kTestCluster, 2)), "accepted");
    EXPECT_TRUE(has(told(one, {}), "a certificate of this cluster is needed"));
    const auto foreign = make_cluster_authority(kTestCluster, real_now_ms()).value();
    EXPECT_TRUE(
        has(told(one, credentials_of(foreign, kTestCluster, 2)), "not trusted: unable to get local issuer"));
    EXPECT_TRUE(has(told(one, credentials_of(authority, kTestCluster, 2, real_now_ms() - 40 * kDayMs, 30)),
                    "the certificate of node 2 is not trusted: certificate has expired on 20"));
    EXPECT_TRUE(has(told(one, credentials_of(authority, "another cluster!", 2)), "of another cluster"));
    EXPECT_TRUE(has(told(one, credentials_of(authority, kTestCluster, 1)), "two nodes have the same id"));
    EXPECT_TRUE(
        has(told(one, credentials_of(authority, kTestCluster, 2), Purpose::messages, 1), "peer protocol 1"));
    // Nor does a clock that is behind the issuer's matter, by however much.
    for (const std::int64_t ahead_ms : {600'000L, 40 * kDayMs})
        EXPECT_EQ(told(one, credentials_of(authority, kTestCluster, 2, real_now_ms() + ahead_ms)),
                  "accepted");

    // A certificate of the right authority that is no node's.
    PeerCredentials server;
    const auto issued = transport::issue_server_certificate(authority, {"localhost"}, real_now_ms()).value();
    server.certificate_pem = issued.certificate_chain_pem;
    server.private_key_pem = issued.private_key_pem;
    EXPECT_TRUE(has(told(one, server), "not trusted: unsuitable certificate purpose"));
    one.refuse_hello = "your data is of another cluster";
    EXPECT_TRUE(
        has(told(one, credentials_of(authority, kTestCluster, 2)), "your data is of another cluster"));
    const std::lock_guard lock(one.mutex);
    for (const auto& [id, hello] : one.hellos) EXPECT_EQ(id, 2U);  // nobody else came so far
}

TEST_F(PeerRefusalTest, OtherProtocolsGetNowhere) {
    PeerNode one(1);
    one.start();
    const auto two = credentials_of(cluster_authority(), kTestCluster, 2);
    EXPECT_FALSE(RawPeer(one.net->port(), two, "kontor-peer/1", TLS1_2_VERSION).connected());
    EXPECT_FALSE(RawPeer(one.net->port(), two, "http/1.1").connected());
    RawPeer without(one.net->port(), two, "");
    EXPECT_EQ(without.greet(Purpose::messages).value().body, "not a connection for the peer port");
}

TEST_F(PeerRefusalTest, TheDiallerRefusesAndSaysWhy) {
    PeerNode one(1), two(2), three(3);
    for (PeerNode* node : {&one, &two, &three}) node->start();
    one.net->set_peers({{2, three.address()}});
    EXPECT_TRUE(eventually([&] {
        return one.last_error(2).find("node 2 was dialled and node 3 answered") != std::string::npos;
    }));
    EXPECT_FALSE(one.is_up(2));
    // A listener under a foreign authority, and one whose certificate has run out.
    PeerNode foreign(2), expired(2);
    const auto other = make_cluster_authority(kTestCluster, real_now_ms()).value();
    foreign.options.credentials = credentials_of(other, kTestCluster, 2);
    expired.options.credentials =
        credentials_of(cluster_authority(), kTestCluster, 2, real_now_ms() - 40 * kDayMs, 30);
    foreign.start();
    expired.start();  // it must be able to start, or nobody could renew its certificate
    one.net->set_peers({{2, foreign.address()}});
    EXPECT_TRUE(eventually([&] { return one.last_error(2).find("not trusted") != std::string::npos; }));
    one.net->set_peers({{2, expired.address()}});
    EXPECT_TRUE(eventually([&] {
        return one.last_error(2).find("certificate has expired") != std::string::npos;
    })) << one.last_error(2);
    const std::lock_guard lock(foreign.mutex);
    EXPECT_TRUE(foreign.hellos.empty());  // nothing was shown to it
}

TEST_F(PeerRefusalTest, HelloDecidesOnEitherSide) {
    PeerNode one(1), two(2);
    two.refuse_hello = "a folder copied from another node";
    one.start();
    two.start();
    one.net->set_peers({{2, two.address()}});
    EXPECT_TRUE(eventually([&] {
        return one.last_error(2).find("node 2 at " + two.address() + " refuses: a folder copied") !=
               std::string::npos;
    })) << one.last_error(2);
    // The dialler refuses the listener.
    two.net->set_peers({{1, one.address()}});
    EXPECT_TRUE(eventually([&] { return two.last_error(1).find("a folder copied") != std::string::npos; }));
    EXPECT_FALSE(one.is_up(2));
    EXPECT_FALSE(two.is_up(1));
    {
        const std::lock_guard lock(two.mutex);
        two.refuse_hello.clear();
    }
    EXPECT_TRUE(eventually([&] { return one.is_up(2) && two.is_up(1); }));
}

// The program on the other side goes by the number, whatever the text says.
TEST_F(PeerRefusalTest, TheVerdictReachesWhoDialled) {
    PeerNode one(1), two(2), three(3);
    two.refuse_hello = "no words that a program could know";
    two.verdict = 0xABCD;
    three.refuse_hello = "node 1 was removed from the cluster, is too old for this cluster";
    for (PeerNode* node : {&one, &two, &three}) node->start();
    one.net->set_peers({{2, two.address()}, {3, three.address()}});
    EXPECT_TRUE(eventually([&] { return one.last_verdict(2) == 0xABCD; })) << one.last_error(2);
    EXPECT_TRUE(eventually([&] { return one.last_error(3).find("removed") != std::string::npos; }));
    EXPECT_EQ(one.last_verdict(3), 0U);
    // It is about the last attempt: another failure takes it away, and so does a connection.
    two.stop();
    EXPECT_TRUE(eventually([&] { return one.last_verdict(2) == 0; })) << one.last_error(2);
    EXPECT_FALSE(one.is_up(2));
}

// A refusal of another node at the same address is not that node's verdict.
TEST_F(PeerRefusalTest, AVerdictIsOfTheNodeThatWasDialled) {
    PeerNode one(1), three(3);
    three.refuse_hello = "no";
    three.verdict = 1;
    one.start();
    three.start();
    one.net->set_peers({{2, three.address()}});
    EXPECT_TRUE(eventually([&] {
        return one.last_error(2).find("node 2 was dialled and node 3 answered") != std::string::npos;
    }));
    EXPECT_EQ(one.last_verdict(2), 0U);
}

TEST_F(PeerRefusalTest, GarbageHarmsNobody) {
    PeerNode one(1), two(2);
    one.options.limits.handshake_timeout_ms = 300;
    one.start();
    two.start();
    connect({&one, &two});
    std::vector<int> sockets;
    for (int i = 0; i < 50; ++i) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(one.net->port());
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where)), 0);
        std::string bytes;
        for (int k = 0; k < i * 40; ++k) bytes.push_back(static_cast<char>((k * 7919 + i * 104'729) >> 3));
        if (i % 5 == 1) bytes = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        sockets.push_back(fd);
    }
    EXPECT_EQ(one.ask(2, kEcho, "still").value_or("?"), "still");
    EXPECT_EQ(two.ask(1, kEcho, "there").value_or("?"), "there");
    // Silent ones are closed too.
    for (const int fd : sockets) {
        timeval limit{5, 0};
        (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        char byte = 0;
        ssize_t n = 0;
        while ((n = ::recv(fd, &byte, 1, 0)) > 0) {
        }
        EXPECT_TRUE(n == 0 || errno == ECONNRESET) << errno;
        ::close(fd);
    }
}

TEST_F(PeerRefusalTest, FramesThatBreakTheRules) {
    PeerNode one(1);
    one.start();
    const auto two = credentials_of(cluster_authority(), kTestCluster, 2);
    const auto ends_with = [&](Purpose purpose, const std::string& bytes, const std::string& reason) {
        RawPeer peer(one.net->port(), two);
        ASSERT_EQ(peer.greet(purpose).value().kind, FrameKind::hello);
        ASSERT_TRUE(peer.send_bytes(bytes));
        const auto frame = peer.receive_news();
        ASSERT_TRUE(frame) << reason;
        EXPECT_EQ(frame->kind, FrameKind::refused);
        EXPECT_NE(frame->body.find(reason), std::string::npos) << frame->body;
    };
    using std::string_literals::operator""s;
    ends_with(Purpose::messages, "\0\0\0\1\11x"s, "unknown kind");
    ends_with(Purpose::messages, "\0\0\0\1\4x"s, "too short for its kind");
    ends_with(Purpose::messages, "\0\0\0\11\7\0\0\0\0\0\0\0\0\0"s, "a ping has no body");
    ends_with(Purpose::messages, "\xFF\0\0\0\3"s, "larger than allowed");
    ends_with(Purpose::messages, encode_frame({.kind = FrameKind::hello, .code = kPeerProtocol, .body = ""}),
              "second hello");
    ends_with(Purpose::messages, encode_frame({.kind = FrameKind::call, .id = 1, .body = ""}),
              "has no place");
    ends_with(Purpose::fast_calls, encode_frame({.kind = FrameKind::message, .body = ""}), "has no place");
    ends_with(Purpose::bulk_calls, encode_frame({.kind = FrameKind::answer, .id = 7, .body = ""}),
              "has no place");
    // Before the hello.
    RawPeer eager(one.net->port(), two);
    ASSERT_TRUE(eager.send({.kind = FrameKind::message, .body = "first"}));
    EXPECT_EQ(eager.receive_news().value().body, "the first frame is not a hello");
    EXPECT_TRUE(one.messages_from(2).empty());
}

TEST_F(PeerRefusalTest, StartSaysWhatIsWrong) {
    const auto error = [](PeerNetOptions options) {
        const auto net = PeerNet::start(std::move(options));
        return net ? Error{} : net.error();
    };
    PeerNode node(1);
    PeerNetOptions options = node.options;
    options.self.node_id = 2;
    EXPECT_EQ(error(options).code, ErrorCode::invalid_argument);
    EXPECT_TRUE(has(error(options).message, "/node/1, this is kontor://"));
    options = node.options;
    options.credentials.ca_pem = make_cluster_authority(kTestCluster, real_now_ms()).value().certificate_pem;
    EXPECT_TRUE(has(error(options).message, "not of the cluster's authority"));
    options = node.options;
    options.credentials.private_key_pem = make_private_key_and_request().value().private_key_pem;
    EXPECT_TRUE(has(error(options).message, "cannot be used together"));
    options = node.options;
    options.address = "somewhere";
    EXPECT_TRUE(has(error(options).message, "not an IP address"));
    options = node.options;
    options.limits.max_queued_bytes = options.limits.max_frame_bytes - 1;
    EXPECT_EQ(error(options).code, ErrorCode::invalid_argument);
    node.start();
    options = PeerNode(2).options;
    options.port = node.net->port();  // no SO_REUSEPORT: the second is told
    EXPECT_EQ(error(options).code, ErrorCode::io);
    EXPECT_EQ(node.net->set_credentials(credentials_of(cluster_authority(), kTestCluster, 9)).error().code,
              ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace kontor::peer

#pragma once
// Nodes of a cluster in one process, on loopback ports, with real certificates; and a bare TLS client that
// speaks the frames itself, so that tests can break every rule.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kontor/base/log.h"
#include "kontor/peer/certificates.h"
#include "kontor/peer/peer.h"
#include "kontor/transport/byte_stream.h"
#include "peer_frame.h"
#include "support/eventually.h"
#include "support/test_identity.h"

namespace kontor::peer {

using namespace kontor_test;

inline const std::string kTestCluster = "0123456789abcdef";

[[nodiscard]] const transport::CertificateAuthority& cluster_authority();
[[nodiscard]] PeerCredentials credentials_of(const transport::CertificateAuthority& authority,
                                             const std::string& cluster, std::uint64_t node_id,
                                             std::int64_t issued_ms = real_now_ms(),
                                             std::int64_t days = kNodeCertificateDays);

// Kinds that every test node answers.
enum TestCall : std::uint16_t {
    kEcho = 1,
    kFail = 2,   // conflict, with the body as text
    kDrop = 3,   // the responder goes away
    kKeep = 4,   // the responder is kept
    kWho = 5,    // the caller's node id
    kLarge = 6,  // as many bytes as the body says
    kThrow = 7,
    kLater = 8,  // echo, by another thread
};

// What a node's callbacks saw.
class PeerNode {
 public:
    explicit PeerNode(std::uint64_t id);
    ~PeerNode();
    PeerNode(const PeerNode&) = delete;
    PeerNode& operator=(const PeerNode&) = delete;

    PeerNetOptions options;  // changed before start()
    void start();
    void stop();
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(net->port()); }
    [[nodiscard]] bool is_up(std::uint64_t node_id) const;
    [[nodiscard]] std::string last_error(std::uint64_t node_id) const;
    [[nodiscard]] std::uint16_t last_verdict(std::uint64_t node_id) const;
    [[nodiscard]] Result<std::string> ask(std::uint64_t node_id, std::uint16_t kind, std::string body,
                                          std::uint64_t timeout_ms = 5'000, PeerLane lane = PeerLane::fast);
    [[nodiscard]] std::vector<std::string> messages_from(std::uint64_t node_id) const;
    [[nodiscard]] std::size_t kept() const;
    [[nodiscard]] CallResponder kept_copy(std::size_t index) const;
    void answer_kept(std::size_t index, std::string body);
    [[nodiscard]] std::vector<bool> links(std::uint64_t node_id) const;  // on_link, in order

    std::unique_ptr<PeerNet> net;
    mutable std::mutex mutex;
    std::string refuse_hello;   // check_hello's error, when not empty
    std::uint16_t verdict = 0;  // and beside it
    std::vector<std::pair<std::uint64_t, std::string>> hellos;

 private:
    void on_call(const PeerIdentity& from, std::uint16_t kind, std::string body,
                 const CallResponder& respond);

    std::vector<CallResponder> kept_responders_;
    std::map<std::uint64_t, std::vector<std::string>> messages_;
    std::map<std::uint64_t, std::vector<bool>> links_;
    std::vector<std::thread> threads_;
};

class PeerTest : public ::testing::Test {
 protected:
    void SetUp() override { log::set_level(log::Level::error); }
    // Everybody knows everybody, and is connected.
    void connect(const std::vector<PeerNode*>& nodes);
};

// Blocking, at most 10 s a step.
class RawPeer {
 public:
    // Credentials with an empty certificate: none is shown. `alpn` empty: none is offered.
    RawPeer(std::uint16_t port, const PeerCredentials& credentials, const std::string& alpn = "kontor-peer/1",
            int max_version = 0);
    ~RawPeer();
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    bool send(const Frame& frame) { return send_bytes(encode_frame(frame)); }
    bool send_bytes(std::string_view bytes);
    // nullopt: the connection ended or nothing came.
    std::optional<Frame> receive(int timeout_ms = 10'000);
    // The next frame that is not a ping.
    std::optional<Frame> receive_news(int timeout_ms = 10'000);
    // Says hello and returns what comes back.
    std::optional<Frame> greet(Purpose purpose, const std::string& hello = "",
                               std::uint16_t protocol = kPeerProtocol);

 private:
    int fd_ = -1;
    transport::SslContext context_;
    transport::ByteStream transport_;
    bool connected_ = false;
    FrameParser parser_{64U << 20U};
    std::string received_;
};

}  // namespace kontor::peer

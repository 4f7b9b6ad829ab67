#include "peer_fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <stdexcept>

#include "kontor/base/log.h"
#include "kontor/transport/tls_context.h"

namespace kontor::peer {

const transport::CertificateAuthority& cluster_authority() {
    static const transport::CertificateAuthority authority =
        make_cluster_authority(kTestCluster, real_now_ms()).value();
    return authority;
}

PeerCredentials credentials_of(const transport::CertificateAuthority& authority, const std::string& cluster,
                               std::uint64_t node_id, std::int64_t issued_ms, std::int64_t days) {
    const KeyAndRequest key = make_private_key_and_request().value();
    PeerIdentity who;
    who.cluster = cluster;
    who.node_id = node_id;
    PeerCredentials out;
    out.ca_pem = authority.certificate_pem;
    out.certificate_pem = issue_node_certificate(authority, key.request_pem, who, days, issued_ms).value();
    out.private_key_pem = key.private_key_pem;
    return out;
}

PeerNode::PeerNode(std::uint64_t id) {
    options.self.cluster = kTestCluster;
    options.self.node_id = id;
    options.credentials = credentials_of(cluster_authority(), kTestCluster, id);
    options.hello = [id] { return "hello of " + std::to_string(id); };
    options.check_hello = [this](const PeerIdentity& who,
                                 std::string_view hello) -> std::optional<PeerRefusal> {
        const std::lock_guard lock(mutex);
        hellos.emplace_back(who.node_id, hello);
        if (!refuse_hello.empty()) return PeerRefusal{{ErrorCode::conflict, refuse_hello}, verdict};
        return std::nullopt;
    };
    options.on_message = [this](std::uint64_t from, std::string frame) {
        const std::lock_guard lock(mutex);
        messages_[from].push_back(std::move(frame));
    };
    options.on_link = [this](std::uint64_t node, bool up) {
        const std::lock_guard lock(mutex);
        links_[node].push_back(up);
    };
    options.on_call = [this](const PeerIdentity& from, std::uint16_t kind, std::string body,
                             const CallResponder& respond) { on_call(from, kind, std::move(body), respond); };
    options.anonymous_kinds = {kEcho, kWho};
}

PeerNode::~PeerNode() {
    stop();
}

void PeerNode::start() {
    auto started = PeerNet::start(options);
    ASSERT_TRUE(started) << started.error().describe();
    net = *std::move(started);
}

void PeerNode::stop() {
    if (net) net->stop();
    std::vector<std::thread> threads;
    {
        const std::lock_guard lock(mutex);
        threads.swap(threads_);
        kept_responders_.clear();
    }
    for (std::thread& thread : threads) thread.join();
    net.reset();
}

void PeerNode::on_call(const PeerIdentity& from, std::uint16_t kind, std::string body,
                       const CallResponder& respond) {
    switch (kind) {
        case kEcho:
            return respond(std::move(body));
        case kFail:
            return respond(fail(ErrorCode::conflict, body));
        case kKeep: {
            const std::lock_guard lock(mutex);
            return kept_responders_.push_back(respond);
        }
        case kWho:
            return respond(std::to_string(from.node_id));
        case kLarge:
            return respond(std::string(std::stoul(body), 'L'));
        case kThrow:
            throw std::runtime_error("on purpose");
        case kLater: {
            const std::lock_guard lock(mutex);
            threads_.emplace_back([respond, body] {
                respond(body);
                respond(std::string("a second answer is ignored"));
            });
            return;
        }
        default:
            return;
    }
}

bool PeerNode::is_up(std::uint64_t node_id) const {
    for (const PeerStatus& one : net->status())
        if (one.node_id == node_id) return one.up;
    return false;
}

std::string PeerNode::last_error(std::uint64_t node_id) const {
    for (const PeerStatus& one : net->status())
        if (one.node_id == node_id) return one.last_error;
    return "no such peer";
}

std::uint16_t PeerNode::last_verdict(std::uint64_t node_id) const {
    for (const PeerStatus& one : net->status())
        if (one.node_id == node_id) return one.last_verdict;
    return 0;
}

Result<std::string> PeerNode::ask(std::uint64_t node_id, std::uint16_t kind, std::string body,
                                  std::uint64_t timeout_ms, PeerLane lane) {
    const auto answer = std::make_shared<std::promise<Result<std::string>>>();
    auto future = answer->get_future();
    net->call(
        node_id, kind, std::move(body), timeout_ms,
        [answer](Result<std::string> result) { answer->set_value(std::move(result)); }, lane);
    return future.get();
}

std::vector<std::string> PeerNode::messages_from(std::uint64_t node_id) const {
    const std::lock_guard lock(mutex);
    const auto found = messages_.find(node_id);
    return found == messages_.end() ? std::vector<std::string>() : found->second;
}

std::size_t PeerNode::kept() const {
    const std::lock_guard lock(mutex);
    return kept_responders_.size();
}

CallResponder PeerNode::kept_copy(std::size_t index) const {
    const std::lock_guard lock(mutex);
    return kept_responders_.at(index);
}

void PeerNode::answer_kept(std::size_t index, std::string body) {
    kept_copy(index)(std::move(body));
}

std::vector<bool> PeerNode::links(std::uint64_t node_id) const {
    const std::lock_guard lock(mutex);
    const auto found = links_.find(node_id);
    return found == links_.end() ? std::vector<bool>() : found->second;
}

void PeerTest::connect(const std::vector<PeerNode*>& nodes) {
    std::map<std::uint64_t, std::string> peers;
    for (const PeerNode* node : nodes) peers[node->options.self.node_id] = node->address();
    for (const PeerNode* node : nodes) node->net->set_peers(peers);
    ASSERT_TRUE(eventually([&nodes] {
        for (PeerNode* a : nodes) {
            for (PeerNode* b : nodes) {
                const std::uint64_t id = b->options.self.node_id;
                if (a == b) continue;
                if (!a->is_up(id) || !a->ask(id, kEcho, "") || !a->ask(id, kEcho, "", 5'000, PeerLane::bulk))
                    return false;
            }
        }
        return true;
    }));
}

RawPeer::RawPeer(std::uint16_t port, const PeerCredentials& credentials, const std::string& alpn,
                 int max_version) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof(where)) != 0) return;
    timeval limit{10, 0};
    (void)::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    context_ = transport::make_base_context(TLS_client_method()).value();
    if (max_version != 0) (void)SSL_CTX_set_max_proto_version(context_.get(), max_version);
    if (!credentials.certificate_pem.empty()) {
        EXPECT_TRUE(
            transport::use_identity(*context_, {credentials.certificate_pem, credentials.private_key_pem}));
    }
    if (!alpn.empty()) {
        const std::string list = static_cast<char>(alpn.size()) + alpn;
        (void)SSL_CTX_set_alpn_protos(context_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                                      static_cast<unsigned>(list.size()));
    }
    transport_ = transport::ByteStream::tls_client(*context_, fd_).value();
    connected_ = transport_.handshake() == transport::IoStatus::done;
}

RawPeer::~RawPeer() {
    if (fd_ >= 0) ::close(fd_);
}

bool RawPeer::send_bytes(std::string_view bytes) {
    while (!bytes.empty()) {
        const transport::IoOutcome sent = transport_.write(bytes);
        if (sent.status != transport::IoStatus::done) return false;
        bytes.remove_prefix(sent.bytes);
    }
    return true;
}

std::optional<Frame> RawPeer::receive(int timeout_ms) {
    for (;;) {
        std::string_view bytes = received_;
        const auto whole = parser_.take(bytes);
        received_.erase(0, received_.size() - bytes.size());
        if (!whole) return std::nullopt;
        if (*whole) return parser_.frame();
        pollfd one{fd_, POLLIN, 0};
        if (!transport_.has_buffered() && ::poll(&one, 1, timeout_ms) <= 0) return std::nullopt;
        char buffer[16'384];
        const transport::IoOutcome got = transport_.read(buffer, sizeof(buffer));
        if (got.status != transport::IoStatus::done) return std::nullopt;
        received_.append(buffer, got.bytes);
    }
}

std::optional<Frame> RawPeer::receive_news(int timeout_ms) {
    for (;;) {
        auto frame = receive(timeout_ms);
        if (!frame || frame->kind != FrameKind::ping) return frame;
    }
}

std::optional<Frame> RawPeer::greet(Purpose purpose, const std::string& hello, std::uint16_t protocol) {
    if (!send({.kind = FrameKind::hello, .code = protocol, .purpose = purpose, .body = hello}))
        return std::nullopt;
    return receive_news();
}

}  // namespace kontor::peer

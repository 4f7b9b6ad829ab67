#include <array>
#include <future>
#include <shared_mutex>

#include "kontor/base/assert.h"
#include "peer_channel.h"
#include "peer_incoming.h"

namespace kontor::peer {
namespace {

constexpr std::array kPurposes = {Purpose::messages, Purpose::fast_calls, Purpose::bulk_calls};
constexpr std::uint64_t kRenewalStepMs = 100;  // between one renewal and the next

Result<void> check_options(const PeerNetOptions& options) {
    const PeerLimits& limits = options.limits;
    if (limits.max_frame_bytes == 0 || limits.max_frame_bytes > (1U << 30U) ||
        limits.max_queued_bytes < limits.max_frame_bytes)
        return fail(ErrorCode::invalid_argument,
                    "peer limits: a queue holds at least one frame of at most 1 GiB");
    if (limits.reconnect_min_ms == 0 || limits.reconnect_min_ms > limits.reconnect_max_ms)
        return fail(ErrorCode::invalid_argument, "peer limits: reconnect_min_ms is 1 to reconnect_max_ms");
    if (limits.dead_after_ms <= limits.ping_interval_ms)
        return fail(ErrorCode::invalid_argument, "peer limits: dead_after_ms is above ping_interval_ms");
    return {};
}

class PeerNetImpl final : public PeerNet {
 public:
    explicit PeerNetImpl(PeerNetOptions options)
        : shared_(std::move(options)),
          incoming_fast_(shared_, shared_.fast),
          incoming_bulk_(shared_, shared_.bulk),
          door_(shared_, [this](OpenedLink opened) { adopt(std::move(opened)); }) {}
    ~PeerNetImpl() override { stop(); }

    Result<void> open() {
        PeerNetOptions& options = shared_.options;
        KONTOR_CHECK(check_options(options));
        KONTOR_TRY(auto tls, make_peer_tls(options.credentials, options.self));
        KONTOR_TRY(const PeerIdentity own, read_identity(options.credentials.certificate_pem));
        options.self = own;
        shared_.set_tls(std::move(tls));
        options.credentials = {};  // the key lives in the TLS contexts only
        KONTOR_TRY(port_, door_.listen(options.address, options.port));
        shared_.bulk.on_tick([this](std::uint64_t now) {
            door_.tick(now);
            incoming_bulk_.tick(now);
            tick(now, shared_.bulk);
        });
        shared_.fast.on_tick([this](std::uint64_t now) {
            incoming_fast_.tick(now);
            tick(now, shared_.fast);
        });
        door_.start();
        shared_.bulk.start("peer-bulk");
        shared_.fast.start("peer-fast");
        started_ = true;
        return {};
    }

    std::uint16_t port() const override { return port_; }

    void set_peers(std::map<std::uint64_t, std::string> peers) override {
        peers.erase(shared_.options.self.node_id);
        peers.erase(0);
        const std::unique_lock lock(mutex_);
        if (stopped_) return;
        for (auto at = nodes_.begin(); at != nodes_.end();) {
            const auto wanted = peers.find(at->first);
            if (wanted != peers.end() && wanted->second == at->second.address) {
                ++at;
                continue;
            }
            const bool gone = wanted == peers.end();
            const Error why = {ErrorCode::unavailable,
                               gone ? "this node is no longer a peer" : "the address changed"};
            for (const auto& channel : at->second.channels)
                on_loop(channel, [why](PeerChannel& one) { one.close(why); });
            if (gone) hang_up_incoming(at->first, why);
            at = nodes_.erase(at);
        }
        for (const auto& [id, address] : peers) {
            if (nodes_.contains(id)) continue;
            Node& node = nodes_[id];
            node.address = address;
            for (std::size_t i = 0; i < kPurposes.size(); ++i) {
                node.channels[i] = std::make_shared<PeerChannel>(shared_, door_, id, address, kPurposes[i]);
                on_loop(node.channels[i], [](PeerChannel& one) { one.open(); });
            }
        }
    }

    void send(std::uint64_t node_id, std::string frame) override {
        if (const auto channel = find(node_id, 0)) channel->send(std::move(frame));
    }

    void call(std::uint64_t node_id, std::uint16_t kind, std::string body, std::uint64_t timeout_ms,
              CallDone done, PeerLane lane) override {
        const auto channel = find(node_id, lane == PeerLane::fast ? 1 : 2);
        if (!channel) return done(fail(ErrorCode::unavailable, node_name(node_id) + " is not a peer"));
        channel->call(kind, std::move(body), timeout_ms, std::move(done));
    }

    Result<void> set_credentials(PeerCredentials credentials) override {
        KONTOR_TRY(auto tls, make_peer_tls(credentials, shared_.options.self));
        shared_.set_tls(std::move(tls));
        const std::shared_lock lock(mutex_);
        std::uint64_t in_ms = 0;
        for (const auto& [id, node] : nodes_) {
            for (const auto& channel : node.channels) {
                on_loop(channel, [in_ms](PeerChannel& one) { one.renew(in_ms); });
                in_ms += kRenewalStepMs;
            }
        }
        return {};
    }

    void disconnect(std::uint64_t node_id, std::string_view reason) override {
        const Error why = {ErrorCode::unavailable, std::string(reason)};
        const std::shared_lock lock(mutex_);
        if (stopped_) return;
        hang_up_incoming(node_id, why);
        const auto found = nodes_.find(node_id);
        if (found == nodes_.end()) return;
        for (const auto& channel : found->second.channels)
            on_loop(channel, [why](PeerChannel& one) { one.hang_up(why); });
    }

    std::vector<PeerStatus> status() const override {
        std::vector<PeerStatus> out;
        const std::shared_lock lock(mutex_);
        for (const auto& [id, node] : nodes_) {
            const ChannelStatus messages = node.channels[0]->status();
            const auto meter = shared_.meter(id);
            PeerStatus one;
            one.node_id = id;
            one.address = node.address;
            one.up = messages.up;
            one.last_error = messages.last_error;
            one.last_verdict = messages.last_verdict;
            one.rtt_us = messages.rtt_us;
            one.state_ms = PeerLoop::now_ms() - messages.since_ms;
            one.bytes_in = meter->bytes_in.load(std::memory_order_relaxed);
            one.bytes_out = meter->bytes_out.load(std::memory_order_relaxed);
            one.dropped_messages = messages.dropped;
            one.connects = messages.connects;
            out.push_back(std::move(one));
        }
        return out;
    }

    void stop() override {
        const std::lock_guard once(stop_mutex_);
        if (!started_) return;
        started_ = false;
        KONTOR_ASSERT(!shared_.fast.on_thread() && !shared_.bulk.on_thread(), "stop() from a callback");
        {
            const std::unique_lock lock(mutex_);
            stopped_ = true;
        }
        shared_.names.close();
        close_all(shared_.bulk);
        close_all(shared_.fast);
        // The fast loop may have handed a last one over to the closed bulk loop, which drops it.
        for (PeerLoop* loop : {&shared_.bulk, &shared_.fast}) {
            loop->post([loop] { loop->finish(); });
            loop->join();
        }
    }

 private:
    struct Node {
        std::string address;
        std::array<std::shared_ptr<PeerChannel>, kPurposes.size()> channels;
    };

    template <typename Function>
    void on_loop(const std::shared_ptr<PeerChannel>& channel, Function function) {
        channel->loop().post([channel, function] { function(*channel); });
    }

    std::shared_ptr<PeerChannel> find(std::uint64_t node_id, std::size_t channel) const {
        const std::shared_lock lock(mutex_);
        const auto found = nodes_.find(node_id);
        return found == nodes_.end() ? nullptr : found->second.channels[channel];
    }

    [[nodiscard]] std::vector<std::shared_ptr<PeerChannel>> channels_on(const PeerLoop& loop) const {
        std::vector<std::shared_ptr<PeerChannel>> out;
        const std::shared_lock lock(mutex_);
        for (const auto& [id, node] : nodes_)
            for (const auto& channel : node.channels)
                if (&channel->loop() == &loop) out.push_back(channel);
        return out;
    }

    void tick(std::uint64_t now, const PeerLoop& loop) {
        for (const auto& channel : channels_on(loop)) channel->tick(now);
    }

    void adopt(OpenedLink opened) {
        const std::uint64_t node_id = opened.who.node_id;
        const bool alive = opened.purpose == Purpose::messages;
        if (&loop_for(shared_, opened.purpose) == &shared_.bulk) {
            incoming_bulk_.adopt(std::move(opened));
        } else {
            const auto box = std::make_shared<OpenedLink>(std::move(opened));
            shared_.fast.post([this, box] { incoming_fast_.adopt(std::move(*box)); });
        }
        if (!alive) return;
        const std::shared_lock lock(mutex_);
        const auto found = nodes_.find(node_id);
        if (found == nodes_.end()) return;
        for (const auto& channel : found->second.channels)
            on_loop(channel, [](PeerChannel& one) { one.nudge(); });
    }

    void hang_up_incoming(std::uint64_t node_id, const Error& why) {
        shared_.fast.post([this, node_id, why] { incoming_fast_.hang_up(node_id, why); });
        shared_.bulk.post([this, node_id, why] { incoming_bulk_.hang_up(node_id, why); });
    }

    void close_all(PeerLoop& loop) {
        std::promise<void> closed;
        loop.post([this, &loop, &closed] {
            const bool bulk = &loop == &shared_.bulk;
            if (bulk) door_.close();
            (bulk ? incoming_bulk_ : incoming_fast_).close();
            for (const auto& channel : channels_on(loop))
                channel->close({ErrorCode::unavailable, "this node is stopping"});
            closed.set_value();
        });
        closed.get_future().wait();
    }

    PeerShared shared_;
    PeerIncoming incoming_fast_, incoming_bulk_;
    PeerDoor door_;
    std::uint16_t port_ = 0;
    mutable std::shared_mutex mutex_;
    std::map<std::uint64_t, Node> nodes_;
    bool stopped_ = false;
    std::mutex stop_mutex_;
    bool started_ = false;
};

}  // namespace

Result<std::unique_ptr<PeerNet>> PeerNet::start(PeerNetOptions options) {
    auto net = std::make_unique<PeerNetImpl>(std::move(options));
    KONTOR_CHECK(net->open());
    return std::unique_ptr<PeerNet>(std::move(net));
}

PeerLimits peer_limits_for(std::uint64_t election_timeout_ms) {
    PeerLimits limits;
    limits.silent_after_ms = std::clamp<std::uint64_t>(3 * election_timeout_ms, 1'000, limits.dead_after_ms);
    limits.ping_interval_ms =
        std::clamp<std::uint64_t>(election_timeout_ms / 2, 100, limits.ping_interval_ms);
    limits.connect_timeout_ms =
        std::clamp<std::uint64_t>(election_timeout_ms, 500, limits.connect_timeout_ms);
    // The time for a handshake stays: on a slow line it may wait behind a copy of the state.
    limits.reconnect_max_ms = std::clamp<std::uint64_t>(election_timeout_ms, 250, limits.reconnect_max_ms);
    return limits;
}

}  // namespace kontor::peer

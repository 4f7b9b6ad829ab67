// Start and stop, the links, and who this node is.

#include <algorithm>

#include "cluster_impl.h"
#include "domains/members/members.h"
#include "found_identity.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "kontor/base/machine.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::size_t kTasksWaiting = 1'000;
constexpr std::uint64_t kHelloTakesMs = 1'000;  // there and back, at most

unsigned processors_of(const MachineShare& share) {
    return std::max(1U, static_cast<unsigned>(share.processors));
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::open(ClusterOptions options) {
    auto cluster = std::make_unique<ClusterImpl>(std::move(options));
    KONTOR_CHECK(cluster->open());
    return std::unique_ptr<Cluster>(std::move(cluster));
}

ClusterImpl::ClusterImpl(ClusterOptions options)
    : options_(std::move(options)),
      run_id_(crypto::random_bytes(16)),
      tasks_("cluster", 2, kTasksWaiting),
      load_meter_(process_used_us, processors_of(machine_share())) {}

Result<void> ClusterImpl::open() {
    KONTOR_TRY(auto found, identity_to_start_with(options_.data_folder));
    if (!found) return {};
    identity_ = *std::move(found);
    load_promises();
    // It may have moved. The others hear the address at the start of each connection, and can send this node
    // the entries again by which its row gets it, too.
    if (!options_.advertised.empty()) identity_.advertised = options_.advertised;
    is_member_.store(true);
    if (identity_.counts_alone && !identity_.rejoins && !identity_.needs_state) {
        counts_alone_.store(true);
        set_doing(kCountsAloneText);
        log::warning("cluster", "event=counts_alone node=" + std::to_string(identity_.node_no) + " (" +
                                    kCountsAloneText + ")");
    }
    return listen();
}

Result<void> ClusterImpl::listen() {
    const Identity self = identity();
    peer::PeerNetOptions links;
    links.address = options_.listen_address;
    links.port = options_.listen_port;
    links.self = {self.cluster_id, self.node_no, {}};
    links.credentials = self.credentials;
    links.limits = peer::peer_limits_for(options_.election_timeout_ms);
    links.limits.max_descriptor = options_.max_descriptor;
    links.anonymous_kinds = {call_kind::join};
    links.hello = [this] { return hello(); };
    links.check_hello = [this](const peer::PeerIdentity& who, std::string_view bytes) {
        return check_hello(who, bytes);
    };
    links.on_message = [this](std::uint64_t from, std::string frame) { on_message(from, std::move(frame)); };
    links.on_call = [this](const peer::PeerIdentity& from, std::uint16_t kind, std::string body,
                           peer::CallResponder respond) {
        on_call(from, kind, std::move(body), std::move(respond));
    };
    links.on_link = [this](std::uint64_t node_id, bool is_up) { on_link(node_id, is_up); };
    KONTOR_TRY(std::shared_ptr<peer::PeerNet> started, peer::PeerNet::start(std::move(links)));
    if (!counts_alone_.load()) started->set_peers(self.peers);
    log::info("cluster", "event=listening node=" + std::to_string(self.node_no) +
                             " port=" + std::to_string(started->port()));
    const std::lock_guard lock(mutex_);
    net_ = std::move(started);
    return {};
}

void ClusterImpl::stop() {
    {
        const std::lock_guard lock(reconciler_mutex_);
        stopping_ = true;
    }
    reconciler_changed_.notify_all();
    if (reconciler_.joinable()) reconciler_.join();
    if (router_) router_->stop();
    tasks_.stop();
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    if (links) links->stop();
}

node::Membership ClusterImpl::membership() {
    const Identity self = identity();
    node::Membership membership;
    membership.transport = this;
    membership.is_member = is_member();
    membership.waits_for_take_over = counts_alone_.load();
    if (membership.is_member) {
        membership.node_id = self.node_no;
        std::copy_n(self.cluster_id.begin(), membership.cluster.size(), membership.cluster.begin());
    }
    membership.renewed = self.renewed;
    membership.has_log = self.has_log;
    membership.election_timeout_ms = options_.election_timeout_ms;
    membership.heartbeat_ms = options_.heartbeat_ms;
    membership.max_staleness_ms = options_.max_staleness_ms;
    membership.on_leads = options_.on_leads;
    membership.on_state_needed = [this](const replication::SnapshotNeeded&) { state_needed(); };
    return membership;
}

void ClusterImpl::attach(node::Node& node, http::Handler local, KindOf kind_of, const std::string& api_url) {
    {
        const std::lock_guard lock(mutex_);
        api_url_ = api_url;
    }
    Router::Parts parts;
    parts.leads = [&node] { return node.leads(); };
    parts.leader = [&node] { return node.leader_id(); };
    parts.staleness_ms = [&node] { return node.staleness_ms(); };
    if (options_.balance_reads) parts.applied_index = [&node] { return node.stats().applied_index; };
    parts.wait_applied = [&node](std::uint64_t index, std::uint64_t timeout_ms,
                                 std::function<void(bool)> done) {
        node.wait_applied(index, timeout_ms, std::move(done));
    };
    parts.local = std::move(local);
    parts.kind_of = std::move(kind_of);
    parts.call = [this](std::uint64_t to, std::uint16_t kind, std::string body, std::uint64_t timeout_ms,
                        peer::CallDone done) {
        if (is_isolated()) return done(fail(ErrorCode::unavailable, kIsolatedText));
        std::shared_ptr<peer::PeerNet> links;
        {
            const std::lock_guard lock(mutex_);
            links = net_;
        }
        if (!links) return done(fail(ErrorCode::unavailable, "this node is no member of a cluster"));
        links->call(to, kind, std::move(body), timeout_ms, std::move(done));
    };
    parts.node_no = identity().node_no;
    parts.may_answer_reads = [&node] { return node.may_answer_reads(); };
    parts.leader_wait_ms = std::max(kLeaderWaitMs, 3 * options_.election_timeout_ms);
    parts.clock = options_.clock;
    parts.metrics = options_.metrics;
    router_ = std::make_unique<Router>(std::move(parts));
    register_metrics(node);
    node_.store(&node, std::memory_order_release);
    if (is_member()) {
        std::vector<std::uint64_t> connected;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& [no, known] : known_)
                if (known.is_up) connected.push_back(no);
        }
        for (const std::uint64_t no : connected) tell_promise(no);
        if (auto kept = change_identity([](Identity& self) {
                self.has_log = true;
                self.renewed.reset();
            });
            !kept)
            log::warning("cluster", kept.error().describe());
    }
    reconciler_ = std::thread([this] { run_reconciler(); });
}

void ClusterImpl::register_metrics(const node::Node& node) {
    telemetry::Registry& metrics = *options_.metrics;
    const auto figure = [&](const char* name, const char* help, auto value) {
        metrics.gauge(name, help, [value] { return static_cast<double>(value()); });
    };
    figure("kontor_cluster_members", "Nodes in the log's configuration.",
           [&node] { return node.cluster_view().members.size(); });
    figure("kontor_cluster_leads", "1 on the node that leads.", [&node] { return node.leads() ? 1 : 0; });
    figure("kontor_cluster_term", "The log's term; it grows with every election.",
           [&node] { return node.cluster_view().term; });
    figure("kontor_cluster_staleness_seconds", "Since this node heard of its leader; 0 on the leader.",
           [&node] {
               return static_cast<double>(std::min<std::uint64_t>(node.staleness_ms(), 1ULL << 40U)) / 1000;
           });
    figure("kontor_cluster_log_bytes_sent_total", "Bytes of the log's frames to other nodes, before TLS.",
           [&node] { return node.stats().log.bytes_sent; });
    figure("kontor_cluster_log_frames_sent_total", "Frames of the log to other nodes.",
           [&node] { return node.stats().log.frames_sent; });
    figure("kontor_cluster_log_frames_dropped_total",
           "Received frames of the log that were none, or too many.",
           [&node] { return node.stats().log.frames_dropped; });
    figure("kontor_cluster_load", "How busy this node is, as the others hear it: 0 to 1.",
           [this] { return static_cast<double>(load_.load()) / kFullLoad; });
    figure("kontor_cluster_reads_share_passed_on",
           "Of the reads that cost much, the share that goes to a node with less to do.",
           [this] { return static_cast<double>(router_->balancer().share()) / 1'000; });
    figure("kontor_cluster_clock_off_seconds",
           "How far this node's wall clock is ahead of the median of the voters'.",
           [this] { return static_cast<double>(clock_off_ms_.load()) / 1000; });
    figure("kontor_cluster_clock_skew_seconds", "The largest difference from another node's wall clock.",
           [this] { return static_cast<double>(clock_skew_ms_.load()) / 1000; });
    figure("kontor_cluster_links_up", "Other nodes that this one is connected to.", [this] {
        const std::lock_guard lock(mutex_);
        return std::count_if(known_.begin(), known_.end(), [](const auto& one) { return one.second.is_up; });
    });
}

void ClusterImpl::handle(http::Request request, http::Responder respond) {
    router_->handle(std::move(request), std::move(respond));
}

std::uint16_t ClusterImpl::port() const {
    const std::lock_guard lock(mutex_);
    return net_ ? net_->port() : 0;
}

Identity ClusterImpl::identity() const {
    const std::lock_guard lock(mutex_);
    return identity_;
}

Result<void> ClusterImpl::change_identity(const std::function<void(Identity&)>& change) {
    // The whole of it: of two that begin with the same copy the later one would undo the other's, such as the
    // mark of a state that differs. Not mutex_, which network threads take: this writes a file.
    const std::lock_guard one_at_a_time(identity_change_mutex_);
    Identity changed = identity();
    change(changed);
    KONTOR_CHECK(save_identity(options_.data_folder, changed));
    const std::lock_guard lock(mutex_);
    identity_ = std::move(changed);
    return {};
}

// --- links

// The log's frames are large, so what they are stands behind them.
void ClusterImpl::send(std::uint64_t node_id, std::string frame) {
    if (is_isolated() || counts_alone_.load()) return;
    frame.push_back(kLogMessage);
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    if (links) links->send(node_id, std::move(frame));
}

void ClusterImpl::on_message(std::uint64_t from, std::string frame) {
    node::Node* const node = this->node();
    if (frame.empty() || node == nullptr || is_isolated() || counts_alone_.load()) return;
    const char kind = frame.back();
    frame.pop_back();
    if (kind == kPromiseMessage) hear_promise(from, frame);
    if (kind == kLogMessage && may_hear_log(from)) node->receive(from, std::move(frame));
    if (kind == kHashMessage) compare_hash(from, frame);
}

std::string ClusterImpl::hello() const {
    pb::PeerHello hello = hello_of(run_id_, options_.version, options_.clock->wall_ms());
    hello.set_tells_promise(!options_.marker.empty());
    const std::lock_guard lock(mutex_);
    hello.set_peer_address(identity_.advertised);
    hello.set_api_url(api_url_);
    return hello.SerializeAsString();
}

// What is refused here changes nothing on either side; the peer finds the reason in its log and in
// `kontor cluster status`.
std::optional<peer::PeerRefusal> ClusterImpl::check_hello(const peer::PeerIdentity& who,
                                                          std::string_view bytes) {
    const auto because = [](ErrorCode code, std::string text, std::uint16_t says = verdict::none) {
        return peer::PeerRefusal{{code, std::move(text)}, says};
    };
    const std::string name = "node " + std::to_string(who.node_id);
    pb::PeerHello hello;
    const bool is_hello = hello.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    if (counts_alone_.load()) {
        const std::lock_guard lock(mutex_);
        known_[who.node_id].heard_alone_ms = options_.clock->boot_ms();
        if (is_hello) known_[who.node_id].peer_address = hello.peer_address();
        return because(ErrorCode::unavailable,
                       "node " + std::to_string(identity_.node_no) + " " + kCountsAloneText);
    }
    if (!is_hello || hello.protocol() != kPeerProtocol)
        return because(ErrorCode::unsupported, name + " speaks another protocol (" +
                                                   std::to_string(hello.protocol()) +
                                                   "): versions are too far apart");
    if (node::Node* const node = this->node()) {
        bool is_removed = false;
        std::uint32_t level = 0;
        try {
            node->read([&](const store::Reader& rows, std::uint64_t) {
                const auto row = members::find_cluster_node(rows, who.node_id);
                is_removed = row && row->removed();
                level = members::active_feature_level(rows);
            });
        } catch (const store::StoreFailure&) {
            // This node is stopping or takes over a state: the others say the same.
        }
        // As long as it is in the log's configuration it may be needed for a majority.
        const auto members = node->cluster_view().members;
        const bool is_member = std::any_of(members.begin(), members.end(),
                                           [&](const auto& one) { return one.id == who.node_id; });
        if (is_removed && !is_member)
            return because(
                ErrorCode::permission_denied,
                name +
                    " was removed from the cluster; it may join as a new one: 'kontor cluster token' here, "
                    "then 'kontor cluster join TOKEN' there, with an empty data folder",
                verdict::removed);
        if (hello.feature_level() < level)
            return because(ErrorCode::unsupported,
                           name + " is too old for this cluster: version " + hello.version() +
                               " with feature level " + std::to_string(hello.feature_level()) +
                               ", and the cluster uses level " + std::to_string(level) +
                               ": install the newer version there",
                           verdict::too_old);
    }
    const std::lock_guard lock(mutex_);
    Known& known = known_[who.node_id];
    if (known.is_up && !known.run_id.empty() && known.run_id != hello.run_id()) {
        return because(ErrorCode::already_exists, "another " + name + " is running at " + known.peer_address +
                                                      ": is this a copy of its data folder?");
    }
    known.tells_promise = hello.tells_promise();
    known.hello_run = hello.run_id();
    known.run_id = hello.run_id();
    // Roughly, until its first report: a connection takes no longer.
    skew_.heard(who.node_id, hello.wall_ms(), options_.clock->wall_ms(), kHelloTakesMs,
                options_.clock->monotonic_ms());
    known.peer_address = hello.peer_address();
    known.api_url = hello.api_url();
    return std::nullopt;
}

void ClusterImpl::on_link(std::uint64_t node_id, bool is_up) {
    if (counts_alone_.load()) return;  // a look at who is there, see nobody_else_is_left()
    {
        const std::lock_guard lock(mutex_);
        Known& known = known_[node_id];
        known.is_up = is_up;
        if (!is_up) known.run_id.clear();
    }
    if (is_up) tell_promise(node_id);  // the first message on this connection
    if (node::Node* const node = this->node()) node->link_changed(node_id, is_up);
}

}  // namespace kontor::cluster

#include "appliance.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "clients.h"
#include "config_check.h"
#include "connectors/all.h"
#include "data_folder.h"
#include "descriptors.h"
#include "domains/operators/operators.h"
#include "folder_check.h"
#include "front.h"
#include "kontor/admin/admin.h"
#include "kontor/api/api.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/base/machine.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/http/client.h"
#include "kontor/http/client_address.h"
#include "kontor/http/server.h"
#include "kontor/inbox/door.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/times.h"
#include "kontor/operators_bodies.pb.h"
#include "kontor/outbox/worker.h"
#include "kontor/reporting/reports.h"
#include "kontor/uri/uri.h"
#include "memory_plan.h"
#include "outbox_keeper.h"
#include "reports/all.h"
#include "sandbox_keeper.h"
#include "secrets.h"
#include "server_limits.h"
#include "server_metrics.h"
#include "thread_room.h"
#include "tls_keeper.h"
#include "version.h"

namespace kontor::app {
namespace {

unsigned network_threads(const Settings& settings) {
    if (settings.https_threads > 0) return static_cast<unsigned>(settings.https_threads);
    return processors_allowed();
}

api::ApiLimits api_limits(const Settings& settings) {
    api::ApiLimits limits;
    limits.per_address = static_cast<std::uint64_t>(settings.limits_per_address);
    limits.wrong_keys = static_cast<std::uint64_t>(settings.limits_wrong_keys);
    limits.per_key = static_cast<std::uint64_t>(settings.limits_per_key);
    limits.per_merchant = static_cast<std::uint64_t>(settings.limits_per_merchant);
    limits.per_route = static_cast<std::uint64_t>(settings.limits_per_route);
    limits.expensive_ms = static_cast<std::uint64_t>(settings.limits_expensive_ms);
    limits.expensive_threads = settings.limits_expensive_at_once > 0
                                   ? static_cast<unsigned>(settings.limits_expensive_at_once)
                                   : std::max(1U, network_threads(settings) / 2);
    return limits;
}

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::int64_t kSetupLinkLifetimeMs = 24LL * 3600 * 1000;
constexpr std::uint64_t kServerGraceMs = 5'000;

class ApplianceImpl final : public Appliance {
 public:
    explicit ApplianceImpl(ApplianceOptions options)
        : options_(std::move(options)), sealer_(options_.secrets_key), tls_(*options_.clock) {}
    ~ApplianceImpl() override { stop(); }

    // In the order of dependency; stop() is the exact reverse.
    Result<void> start() {
        const Settings& settings = options_.settings;
        KONTOR_CHECK(check_threads(kThreads + 2 * network_threads(settings)));
        KONTOR_TRY(folder_, DataFolder::take(settings.data_folder));
        KONTOR_TRY(const bool key_is_known,
                   check_secrets_key(options_.secrets_key, settings.secrets_key_file, settings.data_folder));
        KONTOR_CHECK(cured(start_cluster()));
        KONTOR_CHECK(cured(start_node()));
        KONTOR_CHECK(look_at_secrets(key_is_known));
        KONTOR_CHECK(start_reports());
        KONTOR_CHECK(prepare_outbox());
        start_surfaces();
        front_.api = api_.get();
        front_.admin = admin_.get();
        front_.door = door_.get();
        front_.cluster = cluster_.get();
        cluster_->attach(
            *node_,
            [this](http::Request request, http::Responder respond) {
                front_.handle_here(std::move(request), std::move(respond));
            },
            Front::kind_of, api_url());
        return start_server();
    }

    void drain() override {
        front_.draining.store(true);
        server_->tell_to_close();
        cluster_->prepare_stop();
    }

    void reload(const Settings& settings) override {
        tls_.change(tls_source(settings));
        if (auto proxies = trusted_proxies(settings)) server_->set_trusted_proxies(*std::move(proxies));
    }

    void stop() override {
        tls_.stop();
        if (cluster_) cluster_->leave_office();
        if (admin_) admin_->stop();
        if (server_) server_->stop(kServerGraceMs);
        if (api_) api_->stop();
        if (metrics_server_) metrics_server_->stop(0);
        outbox_.stop();
        if (reports_) reports_->stop();
        if (node_) node_->stop();
        if (cluster_) cluster_->stop();
    }

    std::string url() const override { return url_at(server_->port()); }
    std::string ca_file() const override { return tls_.ca_file(); }
    std::string ca_pem() const override { return tls_.ca_pem(); }
    node::Node& node() override { return *node_; }
    cluster::Cluster& cluster() override { return *cluster_; }
    const crypto::Sealer& sealer() const override { return sealer_; }

    Result<std::string> admin_link(bool always, const std::string& operator_name) override {
        bool set_up = false;
        node_->read(
            [&](const store::Reader& rows, std::uint64_t) { set_up = operators::has_operator(rows); });
        const bool no_room = !node_->full_disk().empty();  // for a link; reads go on all the same
        if ((set_up || no_room) && !always) return url() + "/admin/";
        const std::string token = crypto::random_token(32);
        pb::Command command = machine::new_command(pb::Actor::SYSTEM);
        mutable_body(command, pb::create_setup_token)->set_token_sha256(crypto::sha256(token));
        mutable_body(command, pb::create_setup_token)->set_lifetime_ms(kSetupLinkLifetimeMs);
        mutable_body(command, pb::create_setup_token)->set_operator_name(operator_name);
        KONTOR_TRY(const pb::Result done, cluster_->propose(std::move(command)));
        if (done.outcome() != machine::outcome::ok) return fail(ErrorCode::not_found, done.error().message());
        return url() + "/admin/setup?token=" + token;
    }

 private:
    Result<void> start_cluster() {
        const Settings& settings = options_.settings;
        cluster::ClusterOptions cluster;
        cluster.data_folder = settings.data_folder;
        cluster.marker = options_.marker;
        cluster.listen_address = settings.cluster_listen_address;
        cluster.listen_port = static_cast<std::uint16_t>(settings.cluster_port);
        cluster.advertised = advertised_address(settings);
        cluster.name = node_name(settings);
        cluster.version = kVersion;
        cluster.election_timeout_ms = static_cast<std::uint64_t>(settings.cluster_election_timeout_ms);
        cluster.heartbeat_ms = static_cast<std::uint64_t>(settings.cluster_heartbeat_ms);
        KONTOR_TRY(descriptors_, plan_descriptors(settings, descriptor_limit()));
        cluster.max_descriptor = descriptors_.max_descriptor;
        cluster.max_staleness_ms = static_cast<std::uint64_t>(settings.cluster_max_staleness_ms);
        cluster.max_clock_skew_ms = settings.cluster_max_clock_skew_ms;
        cluster.balance_reads = settings.cluster_balance_reads;
        cluster.copy_bytes_a_second = static_cast<std::uint64_t>(settings.cluster_copy_max_mib_s) * kMiB;
        cluster.sealer = &sealer_;
        cluster.clock = options_.clock;
        cluster.metrics = &metrics_;
        cluster.shall_stop = options_.shall_stop;
        cluster.on_restart = options_.on_restart;
        cluster.next_version = options_.next_version;
        cluster.api_authority = [this] { return tls_.ca_pem(); };
        cluster.on_leads = [this](bool leads) { outbox_.want(leads); };
        cluster.on_fatal = [this](const Error& error) {
            log::error("cluster", "stopped: " + error.describe());
            if (options_.on_fatal) options_.on_fatal(error);
        };
        KONTOR_TRY(cluster_, cluster::Cluster::open(std::move(cluster)));
        if (!cluster_->needs_state()) return {};
        if (options_.on_joining) options_.on_joining(cluster_.get());
        auto copied = cluster_->copy_state([this](const std::string& line) {
            if (options_.tell) options_.tell(line);
        });
        if (options_.on_joining) options_.on_joining(nullptr);
        return copied;
    }

    [[nodiscard]] std::string url_at(std::uint16_t port) const {
        const std::string& address = options_.settings.https_address;
        const bool any = address == "0.0.0.0" || address == "::";
        return "https://" + uri::join_authority(any ? "localhost" : address, port);
    }
    // Where channels and payers reach this instance.
    [[nodiscard]] std::string public_url() const {
        if (std::string told = api_url(); !told.empty()) return told;
        const std::uint16_t port = public_port_.load();
        return url_at(port != 0 ? port : static_cast<std::uint16_t>(options_.settings.https_port));
    }

    // Where clients reach this node, as the other nodes tell it.
    [[nodiscard]] std::string api_url() const {
        const Settings& settings = options_.settings;
        if (!settings.cluster_api_url.empty()) return settings.cluster_api_url;
        if (settings.cluster_address.empty() || settings.https_port == 0) return {};
        return "https://" +
               uri::join_authority(settings.cluster_address, static_cast<std::uint16_t>(settings.https_port));
    }

    Result<void> start_node() {
        const Settings& settings = options_.settings;
        node::NodeOptions node;
        node.membership = cluster_->membership();
        node.folder = settings.data_folder;
        node.marker = options_.marker;
        node.partitions = static_cast<unsigned>(settings.partitions);
        KONTOR_TRY(memory_, plan_memory(settings, machine_share()));
        node.cache_bytes = memory_.cache_bytes;
        node.redo_bytes = static_cast<std::uint64_t>(settings.redo_mib) * kMiB;
        node.memtable_bytes = memory_.memtable_bytes;
        node.checkpoint_interval_ms = static_cast<std::uint64_t>(settings.checkpoint_interval_s) * 1000;
        node.min_free_bytes = static_cast<std::uint64_t>(settings.min_free_mib) * kMiB;
        node.max_log_bytes = static_cast<std::uint64_t>(settings.log_max_mib) * kMiB;
        node.log_segment_bytes = log_segment_bytes(settings);
        node.max_queue_bytes = memory_.queue_bytes;
        node.max_batch_commands = memory_.batch_commands;
        node.dev = options_.dev;
        node.clock = options_.clock;
        node.metrics = &metrics_;
        node.on_fatal = options_.on_fatal;
        KONTOR_TRY(node_, node::Node::start(std::move(node)));
        return {};
    }

    [[nodiscard]] Result<void> cured(Result<void> done) const {
        if (done) return done;
        return fail(with_cure(done.error(), options_.settings, options_.marker));
    }

    // The rows say whether they were sealed with this key, whatever the file beside them says. That one is
    // made for a new folder and for one of an earlier version.
    Result<void> look_at_secrets(bool key_is_known) {
        const Settings& settings = options_.settings;
        Result<void> fits;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            fits = check_secrets_key(sealer_, settings.secrets_key_file, rows);
        });
        KONTOR_CHECK(fits);
        if (key_is_known) return {};
        return remember_secrets_key(options_.secrets_key, settings.data_folder);
    }

    Result<void> start_reports() {
        reporting::ReportsOptions reporting;
        reporting.folder = options_.settings.data_folder + "/reports";
        reporting.service = node_.get();
        reporting.clock = options_.clock;
        reporting.metrics = &metrics_;
        reporting.max_queue_bytes = memory_.reports_bytes;
        // What a killed member had applied beyond its own log comes back from the others.
        if (const node::NodeStats now = node_->stats(); !cluster_->is_member())
            reporting.last_log_index = std::max(now.applied_index, now.log.last_index);
        KONTOR_TRY(reports_, reporting::Reports::open(std::move(reporting), reports::all()));
        return {};
    }

    // Exactly one outbox works in a cluster, the leader's. A single node's works from the start.
    Result<void> prepare_outbox() {
        const Settings& settings = options_.settings;
        client_ = webhook_client(settings, options_.extra_trusted_ca_pem, descriptors_);
        channel_client_ = channel_client(memory_.channel_calls, descriptors_);
        outbox::WorkerOptions worker;
        worker.service = node_.get();
        worker.client = client_.get();
        worker.sealer = &sealer_;
        worker.clock = options_.clock;
        worker.metrics = &metrics_;
        // Each takes a connection: so connections are shared between merchants as these are.
        worker.max_deliveries_in_flight = std::min(memory_.deliveries, descriptors_.max_outgoing);
        worker.delivery_timeout_ms = static_cast<std::uint64_t>(settings.webhooks_timeout_s) * 1000;
        // The role is known a moment later than it is lost: a node that stood still has to ask the clock.
        worker.leadership = [this] { return cluster_->is_member() ? node_->leading_term() : outbox::kAlone; };
        worker.max_channel_calls_in_flight = memory_.channel_calls;
        worker.channel_client = channel_client_.get();
        worker.connectors = connectors::all();
        worker.public_url = [this] { return public_url(); };
        const auto keep = [this] { keep_sandbox(*node_, sealer_, options_.settings.sandbox_enabled); };
        outbox_.start([this, worker, keep] {
            if (cluster_->is_member()) keep();
            return outbox::Worker::start(worker);
        });
        if (!cluster_->is_member()) {
            keep();  // before anybody can pay
            outbox_.want(true);
        }
        return {};
    }

    void start_surfaces() {
        api::ApiOptions api;
        api.service = node_.get();
        api.sealer = &sealer_;
        api.clock = options_.clock;
        api.metrics = &metrics_;
        api.limits = api_limits(options_.settings);
        api.delivers_to_http = options_.settings.webhooks_allow_http;
        api.delivers_to_private_addresses = options_.settings.webhooks_allow_private_addresses;
        api_ = std::make_unique<api::Api>(std::move(api));
        admin::AdminOptions admin;
        admin.node = node_.get();
        admin.reports = reports_.get();
        admin.sealer = &sealer_;
        admin.clock = options_.clock;
        admin.metrics = &metrics_;
        admin.version = kVersion;
        // As for reads: a page must not show as live what a node that stood still believes.
        admin.knows_now = [this] { return !cluster_->is_member() || node_->may_answer_reads(); };
        admin_ = admin::Admin::make(std::move(admin));
        inbox::DoorOptions door;
        door.service = node_.get();
        door.sealer = &sealer_;
        door.clock = options_.clock;
        door.metrics = &metrics_;
        door.connectors = connectors::all();
        door.public_url = [this] { return public_url(); };
        door.per_address = static_cast<std::uint64_t>(options_.settings.limits_per_address);
        door.refused = static_cast<std::uint64_t>(options_.settings.limits_wrong_keys);
        door_ = inbox::Door::make(std::move(door));
    }

    Result<void> start_server() {
        const Settings& settings = options_.settings;
        tls_.judge_by([this] { return log_utc_ms(); });
        KONTOR_TRY(const ServerTls tls, tls_.load(tls_source(settings)));
        front_.metrics = &metrics_;
        front_.ready = [this] { return node_->ready() && node_->full_disk().empty(); };
        front_.ready_details = [this] { return ready_details(); };
        http::ServerOptions server;
        server.address = settings.https_address;
        server.port = static_cast<std::uint16_t>(settings.https_port);
        server.threads = network_threads(settings);
        server.tls = tls.identity;
        KONTOR_TRY(server.limits, server_limits(settings, memory_, server.threads));
        server.handler = [this](http::Request request, http::Responder respond) {
            front_.handle(std::move(request), std::move(respond));
        };
        server.admit = [this](const http::Request& head) { return front_.admit(head); };
        server.clock = options_.clock;
        KONTOR_TRY(server.trusted_proxies, trusted_proxies(settings));
        KONTOR_TRY(server_, http::Server::start(std::move(server)));
        public_port_.store(server_->port());
        register_server_metrics(metrics_, *server_, tls_);
        if (settings.metrics_port != 0) KONTOR_CHECK(start_metrics_server(tls.identity));
        tls_.use_with([this](const transport::TlsIdentity& identity) -> Result<void> {
            KONTOR_CHECK(server_->set_identity(identity));
            return metrics_server_ ? metrics_server_->set_identity(identity) : Result<void>();
        });
        tls_.watch();
        return {};
    }

    [[nodiscard]] static Result<std::shared_ptr<const http::AddressRanges>> trusted_proxies(
        const Settings& settings) {
        using Ranges = std::shared_ptr<const http::AddressRanges>;
        if (settings.https_trusted_proxies.empty()) return Ranges();
        KONTOR_TRY(auto ranges, http::AddressRanges::parse(split_list(settings.https_trusted_proxies)));
        return Ranges(std::make_shared<const http::AddressRanges>(std::move(ranges)));
    }

    // /metrics alone, for all who reach this port: a proxy before https.port does not lead here.
    Result<void> start_metrics_server(const transport::TlsIdentity& identity) {
        constexpr std::size_t kMaxConnections = 64;
        http::ServerOptions server;
        server.address = options_.settings.metrics_address;
        server.port = static_cast<std::uint16_t>(options_.settings.metrics_port);
        server.threads = 1;
        server.tls = identity;
        server.limits.max_connections = kMaxConnections;
        server.limits.max_descriptor = descriptors_.max_descriptor;
        server.handler = [this](http::Request request, http::Responder respond) {
            front_.handle_metrics_port(std::move(request), std::move(respond));
        };
        server.clock = options_.clock;
        front_.has_metrics_port = true;
        KONTOR_TRY(metrics_server_, http::Server::start(std::move(server)));
        return {};
    }

    // 0: nobody knows, since a state is being taken over.
    [[nodiscard]] std::int64_t log_utc_ms() const {
        std::int64_t utc_ms = 0;
        try {
            node_->read(
                [&](const store::Reader& rows, std::uint64_t) { utc_ms = machine::last_times(rows).utc_ms; });
        } catch (const store::StoreFailure&) {
            return 0;
        }
        return utc_ms;
    }

    [[nodiscard]] static TlsSource tls_source(const Settings& settings) {
        TlsSource source;
        source.certificate_file = settings.https_certificate_file;
        source.private_key_file = settings.https_private_key_file;
        source.folder = settings.data_folder + "/tls";
        source.names = certificate_names(settings);
        if (settings.https_names != Settings{}.https_names)
            source.wanted_names = split_list(settings.https_names);
        return source;
    }

    // name: value, a line each; for people and load balancers.
    [[nodiscard]] std::string ready_details() const {
        const auto stats = node_->stats();
        const auto view = node_->cluster_view();
        const std::uint64_t staleness = node_->staleness_ms();
        std::string text = "member: " + std::string(cluster_->is_member() ? "yes" : "no");
        text += "\nleads: " + std::string(node_->leads() || !cluster_->is_member() ? "yes" : "no");
        text += "\nleader: " + std::to_string(node_->leader_id());
        if (const std::string full = node_->full_disk(); !full.empty()) text += "\nwrites: refused: " + full;
        if (const std::string full = node_->full_index(); !full.empty()) text += "\nwrites: refused: " + full;
        if (stats.index_used >= node::kWarnIndexUsed)
            text += "\nlog_index_used_percent: " + std::to_string(static_cast<int>(stats.index_used * 100));
        text += "\nterm: " + std::to_string(view.term);
        text += "\napplied_index: " + std::to_string(stats.applied_index);
        text += "\ncommit_index: " + std::to_string(stats.log.commit_index);
        // One that is alone hears of no leader, and is never behind one.
        text += "\nstaleness_ms: " + (!cluster_->is_member()               ? std::string("0")
                                      : staleness == replication::kNeverMs ? "never heard of a leader"
                                                                           : std::to_string(staleness));
        text += "\ncheckpoint_index: " + std::to_string(stats.store.last_checkpoint_index);
        return text + "\n";
    }

    ApplianceOptions options_;
    DataFolder folder_;
    crypto::Sealer sealer_;
    telemetry::Registry metrics_;
    TlsKeeper tls_;
    Front front_;
    // In the order of start; destroyed in reverse.
    std::unique_ptr<cluster::Cluster> cluster_;
    std::unique_ptr<node::Node> node_;
    MemoryPlan memory_;
    DescriptorPlan descriptors_;
    std::unique_ptr<reporting::Reports> reports_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<http::Client> channel_client_;
    std::atomic<std::uint16_t> public_port_{0};  // once the server listens
    OutboxKeeper outbox_;
    std::unique_ptr<api::Api> api_;
    std::unique_ptr<admin::Admin> admin_;
    std::unique_ptr<inbox::Door> door_;
    std::unique_ptr<http::Server> server_, metrics_server_;
};

}  // namespace

std::string node_name(const Settings& settings) {
    if (!settings.cluster_name.empty()) return settings.cluster_name;
    char name[65] = {};
    return ::gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0' ? std::string(name) : "node";
}

std::string advertised_address(const Settings& settings) {
    if (settings.cluster_address.empty()) return {};
    return uri::join_authority(settings.cluster_address, static_cast<std::uint16_t>(settings.cluster_port));
}

std::uint64_t log_segment_bytes(const Settings& settings) {
    constexpr std::uint64_t kMost = 64 * kMiB, kShareOfLog = 8;
    return std::min(kMost, static_cast<std::uint64_t>(settings.log_max_mib) * kMiB / kShareOfLog);
}

std::string where_it_is(Appliance& appliance) {
    const std::string full = appliance.node().full_disk();
    if (full.empty()) return "Kontor is ready at " + appliance.url();
    return "Kontor runs at " + appliance.url() + " and is not ready for payments: " + full;
}

Result<std::unique_ptr<Appliance>> Appliance::start(ApplianceOptions options) {
    KONTOR_ASSERT(options.clock != nullptr, "an appliance needs a clock");
    auto appliance = std::make_unique<ApplianceImpl>(std::move(options));
    KONTOR_CHECK(appliance->start());
    return Result<std::unique_ptr<Appliance>>(std::move(appliance));
}

}  // namespace kontor::app

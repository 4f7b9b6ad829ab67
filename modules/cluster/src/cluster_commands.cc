// What people ask for through the control socket. Each blocks until it is done or refused.

#include <algorithm>

#include "cluster_impl.h"
#include "domains/members/members.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/json/writer.h"
#include "kontor/log.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/outcome.h"
#include "kontor/members.pb.h"
#include "kontor/members_bodies.pb.h"
#include "kontor/replication/folder_look.h"
#include "pending.h"
#include "token.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr auto kHearAllWithin = std::chrono::milliseconds(500);
constexpr std::uint64_t kAuthorityAnswerMs = 3'000;
constexpr std::size_t kTokenAddresses = 3;
constexpr std::size_t kSecretCharacters = 32;
constexpr std::uint64_t kContactLostMs = 5'000;  // then a status does not pretend to know how far behind
constexpr std::uint64_t kTransferMs = 10'000;
constexpr std::uint64_t kHandOverMs = 2'000;  // when this node stops
constexpr std::uint64_t kUncountedMs = 10'000, kLookAgainMs = 20;
constexpr std::uint64_t kDrainMs = 2'000;  // what other nodes sent here, before the node stops

const char* to_text(replication::Role role) {
    switch (role) {
        case replication::Role::leader:
            return "leader";
        case replication::Role::candidate:
            return "candidate";
        case replication::Role::follower:
            return "follower";
        default:
            return "starting";
    }
}

// How far a node is behind. Of one that hears nothing nobody can tell: what it lacks grows by the time.
void put_lag(JsonWriter& json, const pb::NodeReport& said, std::uint64_t newest,
             std::int64_t machine_now_ms) {
    const std::uint64_t staleness_ms = said.leads() ? 0 : said.staleness_ms();
    if (staleness_ms == replication::kNeverMs) {
        json.field("contact", "never");
        return;
    }
    json.field_integer("staleness_ms", staleness_ms);
    const bool knows = staleness_ms <= kContactLostMs;
    if (!knows) json.field("contact", "lost");
    // What the leader has not applied nobody knows better; it may have gone on since it said so.
    const std::uint64_t behind =
        !said.leads() && newest > said.applied_index() ? newest - said.applied_index() : 0;
    if (knows || behind > 0) json.field_integer("behind", behind);
    // How old the newest thing is that it knows, while there is something newer.
    const std::int64_t age_ms =
        behind > 0 && said.applied_time_ms() != 0 ? machine_now_ms - said.applied_time_ms() : 0;
    json.field_integer(
        "lag_ms", std::max<std::int64_t>({0, age_ms, knows ? 0 : static_cast<std::int64_t>(staleness_ms)}));
}

// Of kFullLoad, as a part of one with three digits.
std::string load_text(std::uint32_t load) {
    static_assert(kFullLoad == 1'000);
    const std::string digits = std::to_string(kFullLoad + load % kFullLoad);
    return std::to_string(load / kFullLoad) + "." + digits.substr(1);
}

void put_row(JsonWriter& json, const pb::ClusterNode& row, const replication::Member* member) {
    json.field_integer("node", row.no()).field("name", row.name()).field("peer_address", row.peer_address());
    json.field("api_url", row.api_url());
    json.field("wanted", row.removed() ? "removed" : row.voter() ? "voter" : "standby");
    const bool votes = member != nullptr && member->role == replication::MemberRole::voter;
    json.field("is", member == nullptr ? "joining" : votes ? "voter" : "standby");
    json.field("version", row.version());
}

// What a node says of itself.
void put_report(JsonWriter& json, const pb::NodeReport& said, std::uint64_t newest,
                std::int64_t machine_now_ms) {
    json.key("runs").any_string(said.version());  // newer than what its row says
    json.field_integer("feature_level", said.feature_level());
    json.key("run").any_string(said.run_id());
    json.field_boolean("stopping", said.stopping());
    json.field_boolean("leads", said.leads());
    json.field_boolean("ready", said.ready() && !said.no_space() && !said.stopping());  // as /readyz
    json.field_integer("applied_index", said.applied_index());
    put_lag(json, said, newest, machine_now_ms);
    if (said.load() != 0) json.field_raw("load", load_text(said.load() - 1));
    if (!said.doing().empty()) json.key("doing").any_string(said.doing());
}

}  // namespace

Result<void> ClusterImpl::outcome_of(const Result<pb::Result>& result) {
    if (!result) return Unexpected{result.error()};
    if (result->outcome() == machine::outcome::ok) return {};
    return fail(ErrorCode::invalid_argument, result->error().message());
}

Result<void> ClusterImpl::init() {
    if (is_member()) return fail(ErrorCode::already_exists, "this node is a member of a cluster already");
    if (options_.advertised.empty())
        return fail(ErrorCode::invalid_argument,
                    "set cluster.address to the host name or address, and cluster.port, by which other nodes "
                    "reach this one");
    Identity self;
    self.node_no = 1;
    const replication::ClusterId id = node()->cluster_id();
    self.cluster_id.assign(id.begin(), id.end());
    self.name = options_.name;
    self.advertised = options_.advertised;
    KONTOR_TRY(const auto keys, peer::make_private_key_and_request());
    KONTOR_TRY(const auto made, peer::make_cluster_authority(self.cluster_id, options_.clock->wall_ms()));
    pb::Command command;
    pb::InitCluster& wanted = *mutable_body(command, pb::init_cluster);
    wanted.set_cluster_id(self.cluster_id);
    wanted.set_ca_pem(made.certificate_pem);
    wanted.set_sealed_ca_key(options_.sealer->seal(made.private_key_pem, "cluster authority"));
    pb::ClusterNode& row = *wanted.mutable_node();
    row.set_no(self.node_no);
    row.set_name(self.name);
    row.set_peer_address(self.advertised);
    row.set_feature_level(machine::feature_level());
    row.set_version(options_.version);
    {
        const std::lock_guard lock(mutex_);
        row.set_api_url(api_url_);
    }
    KONTOR_TRY(const pb::Result result, propose(std::move(command)));
    // A crash after the command and before the file: the authority in the state is the one.
    if (result.outcome() != machine::outcome::ok && result.outcome() != machine::outcome::already_exists)
        return fail(ErrorCode::invalid_argument, result.error().message());
    KONTOR_TRY(const transport::CertificateAuthority signer, authority());
    self.credentials.ca_pem = signer.certificate_pem;
    self.credentials.private_key_pem = keys.private_key_pem;
    KONTOR_TRY(self.credentials.certificate_pem,
               peer::issue_node_certificate(signer, keys.request_pem, {self.cluster_id, self.node_no, {}},
                                            peer::kNodeCertificateDays, options_.clock->wall_ms()));
    KONTOR_CHECK(change_identity([&](Identity& identity) { identity = self; }));
    KONTOR_CHECK(listen());
    node()->become_member();
    router_->set_node_no(self.node_no);
    is_member_.store(true);
    if (auto known = replication::remember_membership(options_.marker); !known)
        log::warning("cluster", "event=marker_not_written " + known.error().describe());
    log::info("cluster", "event=init cluster=" + to_hex(self.cluster_id));
    return {};
}

Result<std::string> ClusterImpl::make_token(const TokenWishes& wishes) {
    if (!is_member())
        return fail(ErrorCode::invalid_argument, "this node is not a cluster: 'kontor cluster init' first");
    Token token;
    token.secret = crypto::random_token(kSecretCharacters);
    pb::Command command;
    pb::CreateJoinToken& wanted = *mutable_body(command, pb::create_join_token);
    wanted.set_token_sha256(crypto::sha256(token.secret));
    wanted.set_lifetime_ms(wishes.lifetime_ms);
    wanted.set_voter(wishes.voter);
    wanted.set_replaces(wishes.replaces);
    const auto made = propose(std::move(command));
    if (made && made->outcome() == machine::outcome::resource_missing && wishes.replaces != 0)
        return fail(ErrorCode::not_found,
                    made->error().message() +
                        ". If it was removed, nothing is left to replace: 'kontor cluster token' without "
                        "--replace, and it joins as a new node with an empty data folder");
    KONTOR_CHECK(outcome_of(made));
    const Identity self = identity();
    KONTOR_TRY(token.authority_sha256, peer::ca_fingerprint(self.credentials.ca_pem));
    token.addresses.push_back(self.advertised);
    for (const pb::ClusterNode& node : nodes())
        if (node.no() != self.node_no && node.no() != wishes.replaces &&
            token.addresses.size() < kTokenAddresses)
            token.addresses.push_back(node.peer_address());
    return to_text(token);
}

Result<void> ClusterImpl::remove(std::uint64_t node_no) {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    KONTOR_CHECK(mark_removed(node_no));
    if (node_no == identity().node_no) return {};  // it ends by that
    return wait_until_uncounted(node_no);
}

Result<void> ClusterImpl::leave() {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    return mark_removed(identity().node_no);
}

Result<void> ClusterImpl::mark_removed(std::uint64_t node_no) {
    pb::Command command;
    mutable_body(command, pb::update_cluster_node)->set_no(node_no);
    mutable_body(command, pb::update_cluster_node)->set_removed(true);
    return outcome_of(propose(std::move(command)));
}

// To stop a further node before that may stop the cluster: the majority still counts this node.
Result<void> ClusterImpl::wait_until_uncounted(std::uint64_t node_no) {
    const std::uint64_t deadline = options_.clock->monotonic_ms() + kUncountedMs;
    for (;;) {
        const auto view = node()->cluster_view();
        const bool is_counted =
            std::any_of(view.members.begin(), view.members.end(), [&](const replication::Member& one) {
                return one.id == node_no && one.role == replication::MemberRole::voter;
            });
        if (!is_counted && view.configuration_index == view.committed_configuration_index) return {};
        if (options_.clock->monotonic_ms() >= deadline)
            return fail(ErrorCode::timeout,
                        "node " + std::to_string(node_no) +
                            " is marked, but the majority still counts it: stop no other node before 'kontor "
                            "cluster status' shows that it does not vote");
        if (shall_stop())
            return fail(
                ErrorCode::unavailable,
                "node " + std::to_string(node_no) +
                    " is marked, and this node is stopping: stop no other node before 'kontor cluster "
                    "status' on one of them shows that it does not vote");
        std::unique_lock lock(reconciler_mutex_);
        if (reconciler_changed_.wait_for(lock, std::chrono::milliseconds(kLookAgainMs),
                                         [this] { return stopping_; }))
            return fail(ErrorCode::unavailable, "this node is stopping");
    }
}

Result<void> ClusterImpl::set_voter(std::uint64_t node_no, bool voter) {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    pb::Command command;
    mutable_body(command, pb::update_cluster_node)->set_no(node_no);
    mutable_body(command, pb::update_cluster_node)->set_voter(voter);
    KONTOR_CHECK(outcome_of(propose(std::move(command))));
    return voter ? Result<void>{} : wait_until_uncounted(node_no);
}

Result<void> ClusterImpl::transfer(std::uint64_t node_no) {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    std::string body;
    put_be64(body, node_no);
    if (!node()->leads()) {
        const std::uint64_t leader = node()->leader_id();
        if (leader == 0) return fail(ErrorCode::unavailable, "the cluster has no leader just now");
        const auto answer = call_as(Asker::people, leader, call_kind::transfer, body, kTransferMs);
        return answer ? Result<void>{} : Result<void>(Unexpected{answer.error()});
    }
    const auto pending = std::make_shared<Pending<Result<std::string>>>();
    hand_over(node_no, [pending](Result<std::string> done) { pending->set(std::move(done)); });
    const auto done = pending->wait(kTransferMs, [this] { return shall_stop(); });
    if (!done && shall_stop()) return fail(ErrorCode::unavailable, kStoppingUnknownText);
    if (!done) return fail(ErrorCode::timeout, "leadership was not handed over in time");
    if (!*done) return Unexpected{done->error()};
    return {};
}

void ClusterImpl::leave_office() {
    if (!is_member() || node() == nullptr) return;
    if (node()->leads() && node()->cluster_view().members.size() > 1) hand_over_and_wait();
    // What other nodes sent here is still answered here: the next leader's entries bring the outcomes.
    const std::uint64_t deadline = options_.clock->monotonic_ms() + kDrainMs;
    while (router_->for_others() != 0 && options_.clock->monotonic_ms() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void ClusterImpl::hand_over_and_wait() {
    const auto pending = std::make_shared<Pending<bool>>();
    hand_over(0, [pending](const Result<std::string>& done) {
        if (!done) log::info("cluster", "stopping as the leader: " + done.error().message);
        pending->set(true);
    });
    [[maybe_unused]] const auto done = pending->wait(kHandOverMs);
}

Result<void> ClusterImpl::rotate_authority() {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    KONTOR_TRY(const transport::CertificateAuthority old, authority());
    KONTOR_TRY(const auto made,
               peer::make_cluster_authority(identity().cluster_id, options_.clock->wall_ms()));
    pb::Command command;
    pb::RotateClusterAuthority& wanted = *mutable_body(command, pb::rotate_cluster_authority);
    // The one before stays trusted until the next rotation, so that nobody is shut out.
    const std::string end = "-----END CERTIFICATE-----\n";
    const std::size_t first_end = old.certificate_pem.find(end);
    if (first_end == std::string::npos)
        return fail(ErrorCode::corruption, "the authority's certificate is cut");
    wanted.set_ca_pem(made.certificate_pem + old.certificate_pem.substr(0, first_end + end.size()));
    wanted.set_sealed_ca_key(options_.sealer->seal(made.private_key_pem, "cluster authority"));
    return outcome_of(propose(std::move(command)));
}

// Before this node has a state: what it knows is whom it reaches, and how far the copy is.
std::string ClusterImpl::joining_status_json() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    JsonWriter json(text);
    json.begin_object().field_boolean("member", is_member()).field("cluster", to_hex(identity_.cluster_id));
    json.field_integer("node", identity_.node_no).field_integer("leader", 0).field("role", "joining");
    json.field_integer("term", 0).field_integer("commit_index", 0).field_integer("feature_level", 0);
    if (copying_) {
        json.key("copy").begin_object().field_integer("from", copying_->from);
        json.key("phase").any_string(copying_->phase);
        json.field_integer("bytes", copying_->bytes).field_integer("bytes_total", copying_->bytes_total);
        json.field_integer("percent", copying_->percent).end_object();
    }
    json.key("nodes").begin_array().begin_object().field_integer("node", identity_.node_no);
    json.key("name").any_string(identity_.name);
    json.key("peer_address").any_string(identity_.advertised);
    json.field("is", "joining").field("wanted", "joining").field("version", options_.version);
    json.field_boolean("connected", true).field_boolean("ready", false);
    if (!doing_.empty()) json.key("doing").any_string(doing_);
    json.end_object();
    for (const peer::PeerStatus& link : net_ ? net_->status() : std::vector<peer::PeerStatus>{}) {
        json.begin_object().field_integer("node", link.node_id).field("name", "");
        json.key("peer_address").any_string(link.address);
        json.field("is", "member").field("wanted", "member").field_boolean("connected", link.up);
        if (!link.up && !link.last_error.empty()) json.key("problem").any_string(link.last_error);
        json.end_object();
    }
    json.end_array().end_object();
    return text;
}

// So that what is shown is of now, and not of half a second ago: the same as /readyz says, and no lag that is
// only the report's age. Of a node that does not answer in time the last report counts.
void ClusterImpl::hear_all() {
    struct Waiting {
        std::mutex mutex;
        std::condition_variable changed;
        std::size_t left = 0;
    };
    const auto waiting = std::make_shared<Waiting>();
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    if (!links || is_isolated()) return;
    for (const peer::PeerStatus& link : links->status()) {
        if (!link.up) continue;
        {
            const std::lock_guard lock(waiting->mutex);
            ++waiting->left;
        }
        ask_for_report(*links, link.node_id, [waiting] {
            const std::lock_guard lock(waiting->mutex);
            --waiting->left;
            waiting->changed.notify_one();
        });
    }
    std::unique_lock lock(waiting->mutex);
    waiting->changed.wait_for(lock, kHearAllWithin, [&] { return waiting->left == 0; });
}

std::string ClusterImpl::status_json() {
    const Identity self = identity();
    if (node() == nullptr) return joining_status_json();
    hear_all();
    const auto view = node()->cluster_view();
    std::string text;
    JsonWriter json(text);
    json.begin_object().field_boolean("member", is_member()).field("cluster", to_hex(self.cluster_id));
    json.field_integer("node", self.node_no).field_integer("leader", node()->leader_id());
    if (const std::uint64_t silence_ms = node()->leader_silence_ms(); silence_ms != replication::kNeverMs)
        json.field_integer("leader_silence_ms", silence_ms);
    json.field("role", to_text(view.role)).field_integer("term", view.term);
    json.field_integer("commit_index", node()->stats().log.commit_index);  // of now; the view's is older
    std::optional<pb::Cluster> cluster;
    node()->read([&](const store::Reader& rows, std::uint64_t) { cluster = members::find_cluster(rows); });
    json.field_integer("feature_level", cluster ? cluster->feature_level() : 0);
    std::map<std::uint64_t, peer::PeerStatus> links;
    {
        const std::lock_guard lock(mutex_);
        if (net_)
            for (peer::PeerStatus& link : net_->status()) links[link.node_id] = link;
    }
    const auto stats = node()->stats();
    json.key("clock").begin_object().field_integer("off_ms", clock_off_ms_.load());
    json.field_integer("limit_ms", options_.max_clock_skew_ms).field_boolean("is_off", clock_is_off_.load());
    json.field_integer("steps", stats.clock_steps).field_integer("last_step_ms", stats.clock_last_step_ms);
    json.field_integer("behind_log_ms", stats.clock_behind_log_ms).end_object();
    const std::uint64_t now = options_.clock->monotonic_ms();
    // Of commands: the log's own entries, such as a change of members, are not applied to the rows.
    std::uint64_t newest = report().applied_index();
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [no, known] : known_)
            if (known.report) newest = std::max(newest, known.report->applied_index());
    }
    json.key("nodes").begin_array();
    for (const pb::ClusterNode& row : nodes(true)) {
        const replication::Member* member = nullptr;
        for (const replication::Member& one : view.members)
            if (one.id == row.no()) member = &one;
        if (row.removed() && member == nullptr) continue;
        std::optional<pb::NodeReport> said;
        std::uint64_t said_ms = 0;
        if (row.no() == self.node_no) {
            said = report();
            said_ms = now;
        } else {
            const std::lock_guard lock(mutex_);
            const Known& known = known_[row.no()];
            said = known.report;
            said_ms = known.report_ms;
        }
        if (said && now - said_ms >= 5'000) said.reset();
        json.begin_object();
        put_row(json, row, member);
        const auto link = links.find(row.no());
        const bool is_self = row.no() == self.node_no;
        json.field_boolean("connected", is_self || (link != links.end() && link->second.up));
        if (said && said->no_space())
            json.field("problem", "no space left on its disk");
        else if (link != links.end() && !link->second.up && !link->second.last_error.empty())
            json.key("problem").any_string(link->second.last_error);
        if (link != links.end()) {
            const std::lock_guard lock(mutex_);
            if (const auto skew = skew_.of(row.no(), now))
                json.field_integer("clock_ahead_ms", skew->ahead_ms);
            json.field_integer("rtt_us", link->second.rtt_us);
            json.field_integer("bytes_in", link->second.bytes_in);
            json.field_integer("bytes_out", link->second.bytes_out);
        }
        if (said) put_report(json, *said, newest, node()->machine_now_ms());
        json.end_object();
    }
    json.end_array().end_object();
    return text;
}

std::map<std::uint64_t, std::string> ClusterImpl::api_authorities() {
    std::map<std::uint64_t, std::string> found;
    const std::uint64_t self = identity().node_no;
    for (const pb::ClusterNode& row : nodes()) {
        if (row.no() == self) {
            found[self] = report(true).api_authority_pem();
            continue;
        }
        const auto answer =
            call_as(Asker::people, row.no(), call_kind::report, kReportWithAuthority, kAuthorityAnswerMs);
        pb::NodeReport report;
        if (answer && report.ParseFromString(*answer)) found[row.no()] = report.api_authority_pem();
    }
    return found;
}

}  // namespace kontor::cluster

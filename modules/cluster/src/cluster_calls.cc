// What other nodes ask of this one, and what it asks of them. Handlers run on network threads: what blocks
// goes to tasks_.

#include <condition_variable>

#include "cluster_impl.h"
#include "domains/all.h"
#include "domains/members/members.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/machine/times.h"
#include "kontor/members.pb.h"
#include "kontor/members_bodies.pb.h"
#include "pending.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kLeaderCallMs = 10'000;
constexpr std::uint64_t kProposeForMs = 10'000;  // over how many leaders it may take
constexpr const char* kNotLeader = "this node is not the leader";

Error error_of(const pb::Result& result) {
    switch (result.outcome()) {
        case machine::outcome::token_invalid:
            return {ErrorCode::permission_denied, result.error().message()};
        case machine::outcome::resource_missing:
            return {ErrorCode::not_found, result.error().message()};
        case machine::outcome::already_exists:
            return {ErrorCode::already_exists, result.error().message()};
        default:
            return {ErrorCode::invalid_argument, result.error().message()};
    }
}

// What a member that does not lead may make: each command's record says so.
bool may_be_asked_for(const pb::Command& command) {
    const machine::Command* record = domains::registry().command(command.kind());
    if (record == nullptr) return false;
    switch (record->peers) {
        case machine::Peers::never:
            return false;
        case machine::Peers::may_ask:
            return true;
        case machine::Peers::may_ask_in_test_mode:  // the self-test's key, whose money is play money
            return !body(command, pb::create_api_key).livemode();
    }
    return false;
}

}  // namespace

void ClusterImpl::on_call(const peer::PeerIdentity& from, std::uint16_t kind, std::string body,
                          peer::CallResponder respond) {
    if (is_isolated()) return hold_call(std::move(respond));
    if (node() == nullptr && kind != call_kind::report)
        return respond(fail(ErrorCode::unavailable, "this node is starting"));
    switch (kind) {
        case call_kind::forward:
            return router_->serve_forwarded(std::move(body), std::move(respond));
        case call_kind::balanced_read:
            return router_->serve_balanced(body, std::move(respond));
        case call_kind::report:
            return respond(report(body == kReportWithAuthority).SerializeAsString());
        case call_kind::state:
            return give_state(std::move(body), std::move(respond));
        case call_kind::transfer:
            if (body.size() != 8) return respond(fail(ErrorCode::invalid_argument, "transfer: no node"));
            return hand_over(get_be64(body), respond);
        case call_kind::isolate:
            return respond(isolate_here(body));
        case call_kind::forgot:
            return hear_that_it_forgot(from, body, respond);
        case call_kind::rejoin:
            return take_out(from, respond);
        case call_kind::entry_hash:
            return tell_entry_hash(body, respond);
        case call_kind::entry_rows:
            return tell_entry_rows(body, respond);
        case call_kind::compare:
            respond(std::string());
            return compare_hash(from.node_id, body);
        case call_kind::restart: {
            const bool posted =
                tasks_.post([this, body = std::move(body), respond] { respond(restart_here(body)); });
            if (!posted) respond(fail(ErrorCode::overloaded, "this node has too much to do; try again"));
            return;
        }
        case call_kind::join:
        case call_kind::certificate:
        case call_kind::command:
            break;
        default:
            return respond(fail(ErrorCode::unsupported,
                                "this version does not know calls of kind " + std::to_string(kind)));
    }
    if (!node()->leads()) {
        if (kind == call_kind::join) return pass_to_leader(kind, std::move(body), std::move(respond));
        return respond(fail(ErrorCode::unavailable, kNotLeader));
    }
    const bool posted = tasks_.post([this, from, kind, body = std::move(body), respond] {
        if (kind == call_kind::join) return admit(body, respond);
        if (kind == call_kind::certificate) return sign(from, body, respond);
        obey(from, body, respond);
    });
    if (!posted) respond(fail(ErrorCode::overloaded, "this node has too much to do; try again"));
}

void ClusterImpl::pass_to_leader(std::uint16_t kind, std::string body, peer::CallResponder respond) {
    const std::uint64_t leader = node()->leader_id();
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    if (leader == 0 || !links)
        return respond(fail(ErrorCode::unavailable, "the cluster has no leader just now; try again"));
    links->call(leader, kind, std::move(body), kLeaderCallMs, std::move(respond));
}

// --- as the leader, on tasks_

Result<transport::CertificateAuthority> ClusterImpl::authority() const {
    std::optional<pb::Cluster> cluster;
    node()->read([&](const store::Reader& rows, std::uint64_t) { cluster = members::find_cluster(rows); });
    if (!cluster) return fail(ErrorCode::not_found, "this instance is not a cluster");
    transport::CertificateAuthority authority;
    authority.certificate_pem = cluster->ca_pem();
    KONTOR_TRY(authority.private_key_pem,
               options_.sealer->open(cluster->sealed_ca_key(), "cluster authority"));
    return authority;
}

Result<std::string> ClusterImpl::issue(std::uint64_t node_no, const std::string& request_pem) const {
    KONTOR_TRY(const transport::CertificateAuthority signer, authority());
    return peer::issue_node_certificate(signer, request_pem, {identity().cluster_id, node_no, {}},
                                        peer::kNodeCertificateDays, options_.clock->wall_ms());
}

void ClusterImpl::admit(const std::string& body, const peer::CallResponder& respond) {
    pb::JoinRequest request;
    if (!request.ParseFromString(body)) return respond(fail(ErrorCode::invalid_argument, "join: no request"));
    const auto proof = options_.sealer->open(request.key_proof(), "cluster join");
    if (!proof || *proof != request.secret()) {
        return respond(fail(ErrorCode::permission_denied,
                            "the new node has another secrets key: copy secrets.key_file of a member to it "
                            "first"));
    }
    pb::Command command = machine::new_command(pb::Actor::SYSTEM);
    pb::AdmitNode& wanted = *mutable_body(command, pb::admit_node);
    wanted.set_token_sha256(crypto::sha256(request.secret()));
    wanted.set_public_key_sha256(crypto::sha256(request.certificate_request_pem()));
    *wanted.mutable_node() = request.node();
    pb::Result result;
    const auto done = node()->submit_and_wait(std::move(command),
                                              [&](const machine::Answer& answer) { result = answer.result; });
    if (!done) return respond(Unexpected{done.error()});
    if (result.outcome() != machine::outcome::ok) return respond(fail(error_of(result)));
    const std::uint64_t node_no = object_in(result, pb::cluster_node).no();
    const auto certificate = issue(node_no, request.certificate_request_pem());
    if (!certificate) return respond(Unexpected{certificate.error()});
    pb::JoinReply reply;
    reply.set_node_no(node_no);
    const Identity self = identity();
    reply.set_cluster_id(self.cluster_id);
    reply.set_ca_pem(self.credentials.ca_pem);
    reply.set_certificate_pem(*certificate);
    for (pb::ClusterNode& node : nodes()) *reply.add_nodes() = std::move(node);
    log::info("cluster", "event=admitted node=" + std::to_string(node_no) +
                             " address=" + object_in(result, pb::cluster_node).peer_address());
    respond(reply.SerializeAsString());
}

void ClusterImpl::sign(const peer::PeerIdentity& from, const std::string& body,
                       const peer::CallResponder& respond) {
    pb::CertificateRequest request;
    if (!request.ParseFromString(body))
        return respond(fail(ErrorCode::invalid_argument, "certificate: no request"));
    bool is_member = false;
    node()->read([&](const store::Reader& rows, std::uint64_t) {
        const auto row = members::find_cluster_node(rows, from.node_id);
        is_member = row && !row->removed();
    });
    if (!is_member) return respond(fail(ErrorCode::permission_denied, "the node is no member any more"));
    const auto certificate = issue(from.node_id, request.certificate_request_pem());
    const auto signer = authority();
    if (!certificate) return respond(Unexpected{certificate.error()});
    if (!signer) return respond(Unexpected{signer.error()});
    pb::CertificateReply reply;
    reply.set_certificate_pem(*certificate);
    reply.set_ca_pem(signer->certificate_pem);
    respond(reply.SerializeAsString());
}

void ClusterImpl::obey(const peer::PeerIdentity& from, const std::string& body,
                       const peer::CallResponder& respond) {
    pb::Command command;
    if (!command.ParseFromString(body) || !may_be_asked_for(command))
        return respond(fail(ErrorCode::permission_denied,
                            "node " + std::to_string(from.node_id) + " asks for what no node may"));
    node()->submit(std::move(command), [respond](Result<machine::Answer> answer) {
        if (!answer) return respond(Unexpected{answer.error()});
        respond(answer->result.SerializeAsString());
    });
}

void ClusterImpl::hand_over(std::uint64_t target, const peer::CallResponder& respond) {
    const auto view = node()->cluster_view();
    if (!node()->leads()) return respond(fail(ErrorCode::unavailable, kNotLeader));
    // To any: the reachable voter that is the furthest.
    const std::uint64_t self = identity().node_no;
    if (target == 0) {
        std::uint64_t furthest = 0;
        for (const replication::Member& member : view.members) {
            const bool could =
                member.role == replication::MemberRole::voter && member.id != self && member.is_reachable;
            if (!could || member.match_index < furthest) continue;
            furthest = member.match_index;
            target = member.id;
        }
    }
    if (target == self)
        return respond(fail(ErrorCode::invalid_argument, "node " + std::to_string(self) + " leads already"));
    if (target == 0)
        return respond(fail(ErrorCode::invalid_argument, "there is no other voter that could lead"));
    node()->transfer_leadership(target, [respond, target](Result<void> done) {
        if (!done) return respond(Unexpected{done.error()});
        respond(std::to_string(target));
    });
}

void ClusterImpl::give_state(std::string request, peer::CallResponder respond) {
    const bool posted = tasks_.post([this, request = std::move(request), respond] {
        auto answer = node()->answer_state_request(request);
        if (!answer || options_.copy_bytes_a_second == 0) return respond(std::move(answer));
        // The pause comes with the answer: the node that copies asks for one piece after the other.
        const std::uint64_t pause_ms = answer->size() * 1000 / options_.copy_bytes_a_second;
        const auto kept = std::make_shared<std::string>(*std::move(answer));
        if (!tasks_.post([kept, respond] { respond(std::move(*kept)); }, pause_ms))
            respond(fail(ErrorCode::unavailable, "this node is stopping"));
    });
    if (!posted) respond(fail(ErrorCode::overloaded, "this node has too much to do; try again"));
}

pb::NodeReport ClusterImpl::report(bool with_authority) const {
    pb::NodeReport report;
    report.set_version(options_.version);
    report.set_feature_level(machine::feature_level());
    report.set_wall_ms(options_.clock->wall_ms());
    report.set_run_id(to_hex(run_id_));
    report.set_stopping(is_stopping_.load());
    if (const node::Node* const node = this->node()) {
        const auto view = node->cluster_view();
        report.set_leads(node->leads());
        report.set_no_space(!node->full_disk().empty());
        report.set_ready(node->ready());
        if (options_.balance_reads) report.set_load(load_.load() + 1);
        const node::NodeStats stats = node->stats();
        report.set_commit_index(stats.log.commit_index);  // of now: the asker may rely on it
        report.set_term(view.term);
        report.set_staleness_ms(node->staleness_ms());
        report.set_applied_index(stats.applied_index);
        report.set_machine_ms(node->machine_now_ms());
        try {
            node->read([&](const store::Reader& rows, std::uint64_t) {
                report.set_applied_time_ms(machine::last_times(rows).machine_ms);
            });
        } catch (const store::StoreFailure&) {
            // A state is being taken over: the age is not known.
        }
    }
    if (with_authority && options_.api_authority) report.set_api_authority_pem(options_.api_authority());
    const std::lock_guard lock(mutex_);
    report.set_node_no(identity_.node_no);
    report.set_doing(doing_);
    return report;
}

// --- asking others

bool ClusterImpl::shall_stop() const {
    return options_.shall_stop && options_.shall_stop();
}

Result<std::string> ClusterImpl::call_and_wait(std::uint64_t node_no, std::uint16_t kind, std::string body,
                                               std::uint64_t timeout_ms, peer::PeerLane lane) {
    return call_as(Asker::node, node_no, kind, std::move(body), timeout_ms, lane);
}

Result<std::string> ClusterImpl::call_as(Asker asker, std::uint64_t node_no, std::uint16_t kind,
                                         std::string body, std::uint64_t timeout_ms, peer::PeerLane lane) {
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    if (!links) return fail(ErrorCode::unavailable, "this node is no member of a cluster");
    if (is_isolated()) return fail(ErrorCode::unavailable, kIsolatedText);
    const auto pending = std::make_shared<Pending<Result<std::string>>>();
    links->call(
        node_no, kind, std::move(body), timeout_ms,
        [pending](Result<std::string> answer) { pending->set(std::move(answer)); }, lane);
    std::function<bool()> gives_up;
    if (asker == Asker::people) gives_up = [this] { return shall_stop(); };
    // The links answer every call, but not when they are stopped: then nobody does.
    auto answer = pending->wait(timeout_ms + 1'000, gives_up);
    if (answer) return *std::move(answer);
    if (gives_up && gives_up()) return fail(ErrorCode::unavailable, kStoppingUnknownText);
    return fail(ErrorCode::timeout, "no answer");
}

Result<pb::Result> ClusterImpl::propose(pb::Command command) {
    return propose_as(Asker::people, std::move(command));
}

Result<pb::Result> ClusterImpl::propose_as(Asker asker, pb::Command command) {
    command.set_version(machine::kCommandVersion);
    command.mutable_actor()->set_kind(pb::Actor::SYSTEM);
    const auto gives_up = [&] { return asker == Asker::people && shall_stop(); };
    const std::uint64_t deadline = options_.clock->monotonic_ms() + kProposeForMs;
    Error last{ErrorCode::unavailable, "the cluster has no leader just now; try again"};
    bool was_sent = false;
    while (options_.clock->monotonic_ms() < deadline && !gives_up()) {
        {
            const std::lock_guard lock(reconciler_mutex_);
            if (stopping_) return fail(ErrorCode::unavailable, "this node is stopping");
        }
        if (!is_member() || node()->leads()) {
            was_sent = true;
            const auto pending = std::make_shared<Pending<Result<pb::Result>>>();
            node()->submit(command, [pending](const Result<machine::Answer>& answer) {
                pending->set(answer ? Result<pb::Result>(answer->result) : Unexpected{answer.error()});
            });
            auto done = pending->wait({}, gives_up);
            if (!done) break;
            if (*done) return *std::move(done);
            last = done->error();
        } else if (const std::uint64_t leader = node()->leader_id(); leader != 0) {
            was_sent = true;
            const auto answer =
                call_as(asker, leader, call_kind::command, command.SerializeAsString(), 5'000);
            pb::Result result;
            if (answer && result.ParseFromString(*answer)) return result;
            if (!answer) last = answer.error();
            if (last.code == ErrorCode::permission_denied) return fail(last);
        }
        std::unique_lock lock(reconciler_mutex_);
        reconciler_changed_.wait_for(lock, std::chrono::milliseconds(50), [this] { return stopping_; });
    }
    if (gives_up())
        return fail(ErrorCode::unavailable,
                    was_sent ? kStoppingUnknownText : "this node is stopping; nothing was done");
    return fail(last);
}

}  // namespace kontor::cluster

// Starting a node again in place, for an upgrade: who may go when, and what is done before.

#include <algorithm>
#include <thread>

#include "cluster_impl.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/members_bodies.pb.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kAnswerMs = 15'000;  // the other node asks its new binary for the version
constexpr std::uint64_t kReportFreshMs = 3'000;
constexpr unsigned kHandOvers = 3;

}  // namespace

Result<Restarting> ClusterImpl::restart(std::uint64_t node_no, const RestartWishes& wishes) {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    pb::RestartRequest request;
    request.set_check_only(wishes.check_only);
    request.set_drain_ms(wishes.drain_ms);
    request.set_accept_pause(wishes.accept_pause);
    const bool is_self = node_no == 0 || node_no == identity().node_no;
    KONTOR_TRY(const std::string answer, is_self ? restart_here(request.SerializeAsString())
                                                 : call_as(Asker::people, node_no, call_kind::restart,
                                                           request.SerializeAsString(), kAnswerMs));
    pb::RestartReply reply;
    if (!reply.ParseFromString(answer)) return fail(ErrorCode::unsupported, "the answer cannot be read");
    return Restarting{reply.version(), reply.run_id()};
}

Result<std::string> ClusterImpl::restart_here(const std::string& body) {
    pb::RestartRequest request;
    if (!request.ParseFromString(body) || request.drain_ms() > kMaxDrainMs)
        return fail(ErrorCode::invalid_argument, "restart: no request that this version knows");
    if (!options_.on_restart || !options_.next_version)
        return fail(ErrorCode::unsupported, "this node was not started by 'kontor serve'");
    pb::RestartReply reply;
    reply.set_run_id(to_hex(run_id_));
    KONTOR_TRY(*reply.mutable_version(), options_.next_version());
    if (request.check_only()) return reply.SerializeAsString();
    if (!request.accept_pause()) KONTOR_CHECK(others_can_go_on());
    if (is_stopping_.exchange(true)) return fail(ErrorCode::conflict, "this node is stopping already");
    set_doing("stopping, to start again with version " + reply.version());
    log::info("cluster", "event=restarting version=" + reply.version());
    options_.on_restart(request.drain_ms());
    return reply.SerializeAsString();
}

// The asker has looked, but it may have changed since, and two may ask.
Result<void> ClusterImpl::others_can_go_on() const {
    const std::uint64_t self = identity().node_no;
    const std::uint64_t now = options_.clock->monotonic_ms();
    std::size_t voters = 0, staying = 0;
    bool is_voter = false;
    std::string missing;
    for (const replication::Member& member : node()->cluster_view().members) {
        if (member.role != replication::MemberRole::voter) continue;
        ++voters;
        if (member.id == self) {
            is_voter = true;
            continue;
        }
        const std::lock_guard lock(mutex_);
        const auto known = known_.find(member.id);
        const bool stays = known != known_.end() && known->second.is_up && known->second.report &&
                           known->second.report_ms + kReportFreshMs > now && known->second.report->ready() &&
                           !known->second.report->stopping();
        if (stays)
            ++staying;
        else
            missing += (missing.empty() ? "node " : ", node ") + std::to_string(member.id);
    }
    if (!is_voter || staying >= voters / 2 + 1) return {};
    return fail(ErrorCode::conflict,
                "without node " + std::to_string(self) + " only " + std::to_string(staying) + " of " +
                    std::to_string(voters) + " voters would stay, which is no majority" +
                    (missing.empty() ? std::string() : " (not ready or not connected: " + missing + ")"));
}

void ClusterImpl::prepare_stop() {
    if (!is_member() || node() == nullptr) return;
    for (unsigned i = 0; i < kHandOvers && node()->leads(); ++i) leave_office();
    // An entry of the log, at which a node that follows can make its checkpoint.
    [[maybe_unused]] const bool posted = tasks_.post([this] {
        pb::Command command;
        mutable_body(command, pb::update_cluster_node)->set_no(identity().node_no);
        [[maybe_unused]] const auto done = propose_as(Asker::node, std::move(command));
    });
    if (auto done = node()->checkpoint(); !done)
        log::warning("cluster", "no checkpoint before the stop: " + done.error().describe());
}

}  // namespace kontor::cluster

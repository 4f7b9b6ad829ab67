// The reconciler: a thread that makes things as the rows say. Addresses of links, this node's own row, its
// certificate, and on the leader the log's membership, one server at a time.

#include <algorithm>

#include "cluster_impl.h"
#include "domains/members/members.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/members.pb.h"
#include "kontor/members_bodies.pb.h"
#include "kontor/node/folder.h"
#include "kontor/state_transfer/state_transfer.h"
#include "kontor/store/replace_folder.h"
#include "state_copy.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kLookMs = 100;
constexpr std::uint64_t kLeaveEveryMs = 1'000;
constexpr std::uint64_t kReportEveryMs = 500;
constexpr std::size_t kLoadOfRead = 20;          // of kFullLoad: fifty that wait are as a busy machine
constexpr std::uint64_t kHelperBehind = 10'000;  // entries since the report, at most
constexpr std::uint64_t kOwnRowEveryMs = 2'000;
constexpr std::uint64_t kHashEveryMs = 1'000;
constexpr std::uint64_t kReportFreshMs = 3'000;
constexpr std::uint64_t kCallMs = 30'000;

bool is_in(const std::vector<replication::Member>& members, std::uint64_t node_no) {
    return std::any_of(members.begin(), members.end(), [&](const auto& one) { return one.id == node_no; });
}

}  // namespace

void ClusterImpl::run_reconciler() {
    std::unique_lock lock(reconciler_mutex_);
    while (!stopping_) {
        reconciler_changed_.wait_for(lock, std::chrono::milliseconds(kLookMs), [this] { return stopping_; });
        if (stopping_) return;
        lock.unlock();
        try {
            if (is_member()) {
                const std::uint64_t now = options_.clock->monotonic_ms();
                look_after_links();
                look_after_promises(now);
                look_after_reports(now);
                look_after_load(now);
                look_after_clock(now);
                if (now >= next_own_row_ms_) {
                    // Who just joined or started waits for its row and its address, not for two seconds.
                    if (look_after_own_row()) next_own_row_ms_ = now + kOwnRowEveryMs;
                }
                look_after_certificate(now);
                if (node()->leads()) {
                    leave_full_disk(now);
                    look_after_membership();
                    look_after_features();
                    if (now >= next_hash_ms_) {
                        next_hash_ms_ = now + kHashEveryMs;
                        tell_hash();
                    }
                }
            }
        } catch (const store::StoreFailure&) {
            // A state is being taken over, or the node is ending.
        }
        lock.lock();
    }
}

std::vector<pb::ClusterNode> ClusterImpl::nodes(bool also_removed) const {
    std::vector<pb::ClusterNode> found;
    node()->read([&](const store::Reader& rows, std::uint64_t) {
        found = members::list_cluster_nodes(rows, also_removed);
    });
    return found;
}

void ClusterImpl::set_doing(std::string what) {
    const std::lock_guard lock(mutex_);
    doing_ = std::move(what);
}

// Rows say who there is; what a node says of itself at the start of a connection is newer than a row.
void ClusterImpl::look_after_links() {
    const Identity self = identity();
    std::map<std::uint64_t, std::string> peers;
    std::vector<std::uint64_t> removed;
    const auto members = node()->cluster_view().members;
    if (counts_alone_.load()) return;
    for (const pb::ClusterNode& row : nodes(true)) {
        // Who is taken out counts until the log's configuration says so, too: without it there may be no
        // majority that could decide just that.
        const bool is_gone = row.removed() && !is_in(members, row.no());
        if (row.no() == self.node_no) {
            if (is_gone && options_.on_fatal)
                options_.on_fatal(
                    Error{ErrorCode::permission_denied,
                          "this node was removed from the cluster; to come back it joins as a new "
                          "node, with an empty data folder"});
            continue;
        }
        if (is_gone)
            removed.push_back(row.no());
        else
            peers[row.no()] = row.peer_address();
    }
    // Rows of an old checkpoint do not know who joined since. Until a leader was heard, those count that this
    // node knew when it ended: one of them may say that it was removed.
    if (!node()->leads() && node()->leader_silence_ms() == replication::kNeverMs)
        for (const auto& [no, address] : self.peers)
            if (std::find(removed.begin(), removed.end(), no) == removed.end()) peers.emplace(no, address);
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
        for (auto& [no, known] : known_) {
            const bool is_gone = std::find(removed.begin(), removed.end(), no) != removed.end();
            const auto row = peers.find(no);
            if (row != peers.end() && known.row_address != row->second) {
                // Changed since the last look, so it is newer; at the first look that cannot be told.
                if (!known.row_address.empty()) known.peer_address = row->second;
                known.row_address = row->second;
            }
            if (!is_gone && !known.peer_address.empty()) peers[no] = known.peer_address;
        }
        for (const std::uint64_t no : removed) known_.erase(no);
    }
    if (peers.empty() && !self.peers.empty() && node()->stats().applied_index == 0) return;
    if (peers != told_peers_) {
        told_peers_ = peers;
        links->set_peers(peers);
    }
    if (peers != self.peers) {
        if (auto saved = change_identity([&](Identity& identity) { identity.peers = peers; }); !saved)
            log::warning("cluster", saved.error().describe());
    }
    if (!options_.on_fatal) return;
    if (const auto verdict = verdict_of_others()) options_.on_fatal(*verdict);
}

// A node that was removed while it was away, or is too old by now, hears it from the others.
std::optional<Error> ClusterImpl::verdict_of_others() const {
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    if (!links) return std::nullopt;
    for (const peer::PeerStatus& link : links->status()) {
        const bool must_end = link.last_verdict == verdict::removed || link.last_verdict == verdict::too_old;
        if (!link.up && must_end)
            return Error{ErrorCode::permission_denied, "the others say: " + link.last_error};
    }
    return std::nullopt;
}

void ClusterImpl::look_after_reports(std::uint64_t now_ms) {
    if (now_ms < next_report_ms_) return;
    next_report_ms_ = now_ms + kReportEveryMs;
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    for (const auto& [no, address] : told_peers_) ask_for_report(*links, no, [] {});
}

void ClusterImpl::ask_for_report(peer::PeerNet& links, std::uint64_t number, std::function<void()> done) {
    const std::uint64_t asked_ms = options_.clock->boot_ms();
    links.call(number, call_kind::report, "", kReportEveryMs * 2,
               [this, number, asked_ms, done = std::move(done)](const Result<std::string>& answer) {
                   pb::NodeReport report;
                   if (answer && report.ParseFromString(*answer))
                       heard_report(number, std::move(report), asked_ms);
                   done();
               });
}

void ClusterImpl::heard_report(std::uint64_t number, pb::NodeReport report, std::uint64_t asked_ms) {
    if (report.leads()) node()->leader_confirmed(asked_ms, report.commit_index());
    if (report.leads() && report.machine_ms() != 0) node()->hear_machine_time(report.machine_ms());
    const std::uint64_t took_ms = options_.clock->boot_ms() - asked_ms;
    const std::lock_guard lock(mutex_);
    skew_.heard(number, report.wall_ms(), options_.clock->wall_ms(), took_ms, options_.clock->monotonic_ms());
    Known& known = known_[number];
    known.report = std::move(report);
    known.report_ms = options_.clock->monotonic_ms();
}

// How busy this node is, and who could answer reads for it: who is there, of the same rules, and knows
// about as much.
void ClusterImpl::look_after_load(std::uint64_t now_ms) {
    const std::uint32_t reads =
        static_cast<std::uint32_t>(std::min<std::size_t>(router_->costly_reads() * kLoadOfRead, kFullLoad));
    const std::uint32_t load = std::max(load_meter_.look(options_.clock->monotonic_us()), reads);
    load_.store(load);
    if (!options_.balance_reads || now_ms < next_balance_ms_) return;
    next_balance_ms_ = now_ms + kReportEveryMs;
    const std::uint64_t applied = node()->stats().applied_index;
    std::vector<Balancer::Helper> helpers;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [no, known] : known_) {
            if (!known.is_up || !known.report || known.report_ms + kReportFreshMs < now_ms) continue;
            const pb::NodeReport& said = *known.report;
            const bool could = said.load() != 0 && said.ready() && !said.stopping() &&
                               said.feature_level() == machine::feature_level() &&
                               said.staleness_ms() <= options_.max_staleness_ms / 2 &&
                               said.applied_index() + kHelperBehind >= applied;
            if (could) helpers.push_back({no, said.load() - 1});
        }
    }
    router_->balancer().look(load, std::move(helpers), now_ms);
}

// What changed about this node since it was admitted: its addresses, its version.
// False: it is too early to say.
bool ClusterImpl::look_after_own_row() {
    const Identity self = identity();
    std::string api_url;
    {
        const std::lock_guard lock(mutex_);
        api_url = api_url_;
    }
    const std::string advertised = options_.advertised.empty() ? self.advertised : options_.advertised;
    std::optional<pb::ClusterNode> row;
    node()->read([&](const store::Reader& rows, std::uint64_t) {
        row = members::find_cluster_node(rows, self.node_no);
    });
    if (!row) return false;
    if (row->removed()) return true;
    const bool is_same = row->peer_address() == advertised && row->api_url() == api_url &&
                         row->version() == options_.version &&
                         row->feature_level() == machine::feature_level();
    if (is_same) return !api_url.empty();
    pb::Command command;
    pb::UpdateClusterNode& wanted = *mutable_body(command, pb::update_cluster_node);
    wanted.set_no(self.node_no);
    wanted.set_peer_address(advertised);
    wanted.set_api_url(api_url);
    wanted.set_version(options_.version);
    wanted.set_feature_level(machine::feature_level());
    const auto result = propose_as(Asker::node, std::move(command));
    if (result && result->outcome() != machine::outcome::ok)
        log::warning("cluster", "this node's entry could not be changed: " + result->error().message());
    if (self.advertised != advertised) {
        if (auto saved = change_identity([&](Identity& identity) { identity.advertised = advertised; });
            !saved)
            log::warning("cluster", saved.error().describe());
    }
    return !api_url.empty();
}

// --- the leader

// A leader that can write nothing stops everybody; a node whose disk has room need not.
void ClusterImpl::leave_full_disk(std::uint64_t now_ms) {
    if (node()->full_disk().empty() || now_ms < next_leave_ms_) return;
    next_leave_ms_ = now_ms + kLeaveEveryMs;
    std::uint64_t target = 0, furthest = 0;
    const auto view = node()->cluster_view();
    {
        const std::lock_guard lock(mutex_);
        for (const replication::Member& member : view.members) {
            const auto known = known_.find(member.id);
            const bool could = member.role == replication::MemberRole::voter && member.is_reachable &&
                               known != known_.end() && known->second.report &&
                               known->second.report_ms + kReportFreshMs > now_ms &&
                               !known->second.report->no_space() && member.match_index >= furthest;
            if (!could) continue;
            target = member.id;
            furthest = member.match_index;
        }
    }
    if (target == 0) return;
    log::warning("cluster", "event=leaving_lead reason=\"" + node()->full_disk() + "\"");
    hand_over(target, [](const Result<std::string>& done) {
        if (!done) log::info("cluster", "leadership stays for now: " + done.error().message);
    });
}

void ClusterImpl::change(replication::MembershipChange::Kind kind, std::uint64_t node_no, const char* what) {
    change_under_way_.store(true);
    node()->change_membership(
        {kind, node_no}, [this, node_no, what](const Result<replication::Position>& done) {
            change_under_way_.store(false);
            if (done) {
                log::info("cluster", std::string("event=") + what + " node=" + std::to_string(node_no) +
                                         " index=" + std::to_string(done->index));
            } else if (done.error().code != ErrorCode::unavailable) {
                log::warning("cluster", std::string(what) + " node " + std::to_string(node_no) + ": " +
                                            done.error().describe());
            }
        });
}

// One step towards what the rows say; the next one when it is committed. First out with who is removed (a
// lost voter makes the quorum larger than it need be), then in with who is new.
void ClusterImpl::look_after_membership() {
    using Kind = replication::MembershipChange::Kind;
    if (change_under_way_.load() || is_taking_over_.load()) return;
    const auto view = node()->cluster_view();
    if (view.transfer_target != 0 || view.configuration_index != view.committed_configuration_index) return;
    const std::uint64_t self = identity().node_no;
    std::map<std::uint64_t, pb::ClusterNode> rows;
    for (pb::ClusterNode& row : nodes()) rows[row.no()] = std::move(row);
    const auto give_up_lead = [this] {
        hand_over(0, [](const Result<std::string>& done) {
            if (!done) log::info("cluster", "leadership stays for now: " + done.error().message);
        });
    };
    for (const replication::Member& member : view.members) {
        const auto row = rows.find(member.id);
        const bool is_voter = member.role == replication::MemberRole::voter;
        if (row == rows.end() || is_taken_out(member.id)) {
            if (member.id == self) return give_up_lead();
            return change(Kind::remove, member.id, "removed");
        }
        if (is_voter && !row->second.voter()) {
            if (member.id == self) return give_up_lead();
            return change(Kind::demote, member.id, "demoted");
        }
    }
    const std::uint64_t now = options_.clock->monotonic_ms();
    for (const auto& [no, row] : rows) {
        const auto member = std::find_if(view.members.begin(), view.members.end(),
                                         [number = no](const auto& one) { return one.id == number; });
        bool has_state = false;
        if (is_taken_out(no)) continue;
        {
            const std::lock_guard lock(mutex_);
            const Known& known = known_[no];
            has_state = known.is_up && known.report && known.report_ms + kReportFreshMs > now &&
                        known.report->applied_index() != 0;
        }
        if (member == view.members.end()) {
            if (has_state && no != self) return change(Kind::add_standby, no, "added");
        } else if (row.voter() && member->role == replication::MemberRole::standby && member->is_reachable) {
            return change(Kind::promote, no, "promoted");
        }
    }
}

// A level of features is used when every node has it.
void ClusterImpl::look_after_features() {
    std::uint32_t lowest = machine::feature_level(), active = 0;
    node()->read([&](const store::Reader& rows, std::uint64_t) {
        if (const auto cluster = members::find_cluster(rows)) active = cluster->feature_level();
        for (const pb::ClusterNode& row : members::list_cluster_nodes(rows))
            lowest = std::min(lowest, row.feature_level());
    });
    if (lowest <= active) return;
    pb::Command command = machine::new_command(pb::Actor::SYSTEM);
    mutable_body(command, pb::activate_features)->set_level(lowest);
    const auto done = node()->submit_and_wait(std::move(command), [](const machine::Answer&) {});
    if (done) log::info("cluster", "event=features_activated level=" + std::to_string(lowest));
}

// --- a state from another node

void ClusterImpl::state_needed() {
    if (is_copying_.exchange(true)) return;
    if (!tasks_.post([this] { do_state_needed(); })) is_copying_.store(false);
}

void ClusterImpl::do_state_needed() {
    const auto tell = [this](const std::string& line) {
        set_doing(line);
        log::info("cluster", line);
    };
    auto done = copy_state(tell);
    if (done) {
        tell("taking over the copied state");
        done = node()->install();
    }
    set_doing("");
    is_copying_.store(false);
    if (done) return;
    log::error("cluster", "the state could not be copied: " + done.error().describe());
    if (options_.on_fatal) options_.on_fatal(done.error());
}

bool ClusterImpl::needs_state() const {
    const Identity self = identity();
    return self.needs_state || self.rejoins;
}

Result<void> ClusterImpl::copy_state(const std::function<void(const std::string&)>& tell) {
    KONTOR_CHECK(be_taken_in_anew(tell));
    const std::string live = node::store_folder(options_.data_folder);
    for (const std::string& folder :
         {options_.data_folder + "/groups", node::group_folder(options_.data_folder)})
        KONTOR_CHECK(node::make_durable_folder(folder));
    StateCopy copy;
    copy.store_folder = live;
    copy.partitions = 0;
    copy.clock = options_.clock;
    copy.tell = [this, &tell](const std::string& line) {
        set_doing(line);
        tell(line);
    };
    copy.progress = [this](std::uint64_t from, const state_transfer::StateTransferProgress& progress) {
        const std::lock_guard lock(mutex_);
        const std::uint64_t total = std::max<std::uint64_t>(progress.bytes_total_estimate, 1);
        copying_ = {from, progress.bytes_done, progress.bytes_total_estimate,
                    std::min<std::uint64_t>(progress.bytes_done * 100 / total, 100),
                    std::string(state_transfer::to_string(progress.phase))};
        doing_ = "copying the state from node " + std::to_string(from) + ": " + copying_->phase + ", " +
                 std::to_string(copying_->percent) + " %";
    };
    copy.ask = [this](std::uint64_t from, std::string request) {
        return call_and_wait(from, call_kind::state, std::move(request), kCallMs, peer::PeerLane::bulk);
    };
    const bool at_start = needs_state();
    copy.is_stopping = [this, at_start] {
        if (at_start && ((options_.shall_stop && options_.shall_stop()) || verdict_of_others())) return true;
        const std::lock_guard lock(reconciler_mutex_);
        return stopping_;
    };
    // A follower that is ready has the time for it; the leader is the last one asked.
    copy.sources = [this] {
        std::vector<std::uint64_t> followers, leaders;
        for (const auto& [no, address] : identity().peers) {
            const auto answer = call_and_wait(no, call_kind::report, "", 2'000);
            pb::NodeReport report;
            if (!answer || !report.ParseFromString(*answer) || !report.ready()) continue;
            (report.leads() ? leaders : followers).push_back(no);
        }
        followers.insert(followers.end(), leaders.begin(), leaders.end());
        return followers;
    };
    const auto copied = cluster::copy_state(copy);
    if (!copied && at_start)
        if (auto verdict = verdict_of_others()) return fail(*std::move(verdict));
    {
        const std::lock_guard lock(mutex_);
        copying_.reset();
        doing_.clear();
    }
    KONTOR_CHECK(copied);
    if (!needs_state()) return {};  // of a running node: it is swapped in by the caller
    KONTOR_CHECK(store::replace_store_folder(live, store::incoming_folder(live)));
    return change_identity([](Identity& identity) { identity.needs_state = false; });
}

}  // namespace kontor::cluster

// A stopped member's wish to be taken in anew: whether the others could do it, and how it is taken back. What
// follows at the next start is ClusterImpl::be_taken_in_anew.

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "found_identity.h"
#include "identity.h"
#include "kontor/base/clock.h"
#include "kontor/cluster/cluster.h"
#include "kontor/crypto/crypto.h"
#include "kontor/node/folder.h"
#include "kontor/peer.pb.h"
#include "kontor/replication/folder_look.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kAskForMs = 6'000;  // connecting, and an election of those that have just started
constexpr std::uint64_t kAskEveryMs = 250, kAnswerMs = 2'000;

struct Others {
    std::mutex mutex;
    std::condition_variable changed;
    // Guarded by mutex.
    std::map<std::uint64_t, pb::NodeReport> reports;
    bool has_leader = false;
};

Result<Identity> member_identity(const std::string& data_folder) {
    KONTOR_TRY(auto found, find_identity(data_folder));
    if (!found || found->identity.node_no == 0)
        return fail(ErrorCode::not_found, data_folder + " is of no member of a cluster");
    // A copy takes the original's place by this alone: taken back, it still must not vote.
    if (found->is_copied && found->identity.forgot.empty())
        found->identity.forgot = "this folder is a copy of the one that was here";
    return std::move(found->identity);
}

Result<std::unique_ptr<peer::PeerNet>> dial(const RejoinWishes& wishes, const Identity& self) {
    peer::PeerNetOptions links;  // on any port of its own: nobody calls back
    links.self = {self.cluster_id, self.node_no, {}};
    links.credentials = self.credentials;
    pb::PeerHello hello = hello_of(crypto::random_bytes(16), wishes.version,
                                   wishes.clock->wall_ms());  // house: wall: to be compared with theirs
    hello.set_tells_promise(true);  // and tells none: nothing of the log would be heard
    hello.set_peer_address(self.advertised);
    hello.set_api_url(self.api_url);
    links.hello = [bytes = hello.SerializeAsString()] { return bytes; };
    links.check_hello = [](const peer::PeerIdentity&, std::string_view) {
        return std::optional<peer::PeerRefusal>{};
    };
    links.on_message = [](std::uint64_t, const std::string&) {};
    links.on_call = [](const peer::PeerIdentity&, std::uint16_t, const std::string&,
                       const peer::CallResponder& respond) {
        respond(fail(ErrorCode::unavailable, "this node does not run"));
    };
    links.on_link = [](std::uint64_t, bool) {};
    KONTOR_TRY(auto started, peer::PeerNet::start(std::move(links)));
    started->set_peers(self.peers);
    return started;
}

// What one of the others says, when they took this node out for good.
std::optional<std::string> says_removed(const peer::PeerNet& links) {
    for (const peer::PeerStatus& link : links.status())
        if (!link.up && link.last_verdict == verdict::removed) return link.last_error;
    return std::nullopt;
}

std::string described(const Identity& self, const peer::PeerNet& links, const Others& others) {
    std::map<std::uint64_t, std::string> errors;
    for (const peer::PeerStatus& link : links.status()) errors[link.node_id] = link.last_error;
    std::string text;
    for (const auto& [no, address] : self.peers) {
        text += "\n  node " + std::to_string(no) + " (" + address + ") ";
        const auto report = others.reports.find(no);
        if (report != others.reports.end())
            text += "answers, knows of no leader, and has entries up to " +
                    std::to_string(report->second.applied_index());
        else
            text += "does not answer" + (errors[no].empty() ? "" : ": " + errors[no]);
    }
    return text;
}

using Look = Result<replication::FolderLook>;

// As far as its folder and its marker can tell; 0: neither does.
std::uint64_t promised_index(const Look& look) {
    if (!look) return 0;
    const std::uint64_t remembered = look->is_of_marker ? look->marker->promise.index : 0;
    return std::max(remembered, look->last_index.value_or(0));
}

// What helps when the others have no majority because this node is away. Only a folder that forgot nothing
// may vote.
std::string without_a_majority(const Look& look, const Identity& self) {
    if (self.counts_alone)
        return "This folder was accepted as all that is left ('kontor accept-older-data'): it helps nobody "
               "to a "
               "majority. Are the others lost for good: start it, and 'kontor cluster takeover "
               "--accept-loss' "
               "here. ";
    const bool may_vote = look && look->owner && look->forgotten.empty() && !self.rejoins;
    return std::string(
               may_vote ? "Is this node only needed for their majority: start it as it is"
                        : "This folder does not vote: for that, put the newer one back, or mount its disk") +
           ". Are the others lost for good: 'kontor cluster takeover' on the node that has the most. ";
}

// This node does not run: who leads has a majority without it.
Result<void> check_that_others_lead(const RejoinWishes& wishes, const Identity& self) {
    KONTOR_TRY(const std::unique_ptr<peer::PeerNet> links, dial(wishes, self));
    const auto others = std::make_shared<Others>();
    const std::uint64_t deadline = wishes.clock->monotonic_ms() + kAskForMs;
    std::unique_lock lock(others->mutex);
    std::optional<std::string> removed;
    while (!others->has_leader && !removed && wishes.clock->monotonic_ms() < deadline) {
        lock.unlock();
        for (const auto& [no, address] : self.peers) {
            links->call(no, call_kind::report, "", kAnswerMs,
                        [others, number = no](const Result<std::string>& answer) {
                            pb::NodeReport report;
                            if (!answer || !report.ParseFromString(*answer)) return;
                            const std::lock_guard at(others->mutex);
                            others->has_leader = others->has_leader || report.leads();
                            others->reports[number] = std::move(report);
                            others->changed.notify_all();
                        });
        }
        lock.lock();
        others->changed.wait_for(lock, std::chrono::milliseconds(kAskEveryMs),
                                 [&] { return others->has_leader; });
        removed = says_removed(*links);
    }
    const bool has_leader = others->has_leader;
    const std::string who = described(self, *links, *others);
    lock.unlock();
    links->stop();
    if (has_leader) return {};
    if (removed)
        return fail(ErrorCode::conflict,
                    "nothing was changed: " + *removed +
                        ". Its number does not come back: move the data folder aside, 'kontor cluster token' "
                        "on another node, then 'kontor cluster join' here");
    const Look look = replication::look_at_folder(node::log_folder(wishes.data_folder), wishes.marker);
    const std::uint64_t promised = promised_index(look);
    const std::string own =
        promised != 0 ? "This node had promised entries up to " + std::to_string(promised) + ". " : "";
    return fail(
        ErrorCode::conflict,
        "nothing was changed: the others have no majority without this node, so none of them could take it "
        "in anew, and what only its folder has would be lost. " +
            own + "Of the others:" + who + "\nStart the others first and try again. " +
            without_a_majority(look, self) +
            "To ask for it all the same: --accept-loss; 'kontor cluster rejoin --undo' takes it back until "
            "the others have let this node in.");
}

}  // namespace

Result<std::uint64_t> rejoin(const RejoinWishes& wishes) {
    KONTOR_TRY(Identity self, member_identity(wishes.data_folder));
    if (!self.differs.empty())
        return fail(ErrorCode::permission_denied,
                    "this node's state differed from the others'; an empty data folder takes its place "
                    "('kontor cluster token --replace " +
                        std::to_string(self.node_no) + "')");
    if (self.peers.empty())
        return fail(ErrorCode::not_found,
                    "this node knows of no other one that it could copy the state from");
    if (!wishes.accepts_loss && !self.rejoins && !self.needs_state)
        KONTOR_CHECK(check_that_others_lead(wishes, self));
    self.rejoins = true;
    KONTOR_CHECK(save_identity(wishes.data_folder, self));
    return self.node_no;
}

Result<std::uint64_t> undo_rejoin(const std::string& data_folder) {
    KONTOR_TRY(Identity self, member_identity(data_folder));
    if (self.needs_state)
        return fail(ErrorCode::conflict,
                    "it is too late: the others have taken this node out, and its log is given up. Start it: "
                    "it copies the state and takes its place again");
    if (!self.rejoins)
        return fail(ErrorCode::not_found, "this node does not wait to be taken in anew: nothing to undo");
    self.rejoins = false;
    KONTOR_CHECK(save_identity(data_folder, self));
    return self.node_no;
}

}  // namespace kontor::cluster

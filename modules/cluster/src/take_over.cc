// The last copy or the other site goes on alone: what `kontor cluster takeover` does.

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "cluster_impl.h"
#include "domains/members/members.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/members.pb.h"
#include "kontor/members_bodies.pb.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kHearOldPeersMs = 3'000, kLookAgainMs = 20;

}  // namespace

// Copies that were each accepted as all that is left wait side by side; only one of them may go on, and none
// while a node lives that has more. One that waits calls nobody and refuses who calls; so who is heard lives,
// and one that has taken over says that this node was removed.
Result<void> ClusterImpl::nobody_else_is_left() {
    if (!counts_alone_.load()) return {};
    std::shared_ptr<peer::PeerNet> links;
    {
        const std::lock_guard lock(mutex_);
        links = net_;
    }
    links->set_peers(identity().peers);
    std::optional<peer::PeerStatus> taken_over;
    bool all_looked = false;
    for (std::uint64_t waited_ms = 0; !all_looked && waited_ms < kHearOldPeersMs; waited_ms += kLookAgainMs) {
        std::this_thread::sleep_for(std::chrono::milliseconds(kLookAgainMs));
        all_looked = true;
        for (peer::PeerStatus& link : links->status()) {
            all_looked = all_looked && !link.last_error.empty();
            if (link.last_verdict == verdict::removed) taken_over = std::move(link);
        }
    }
    links->set_peers({});
    if (taken_over)
        return fail(ErrorCode::conflict,
                    "node " + std::to_string(taken_over->node_id) + " at " + taken_over->address +
                        " goes on already, and this node counts as removed there. One copy goes on: join it "
                        "as a new node, with an empty data folder");
    const std::uint64_t now_ms = options_.clock->boot_ms();
    const std::lock_guard lock(mutex_);
    for (const auto& [no, known] : known_) {
        if (known.heard_alone_ms == 0 || now_ms > known.heard_alone_ms + kTakeOverSilenceMs) continue;
        return fail(ErrorCode::conflict,
                    "node " + std::to_string(no) + " at " + known.peer_address +
                        " was heard a moment ago: this copy is not all that is left. Take part again with "
                        "'kontor cluster rejoin'; or stop that node and try again " +
                        std::to_string(kTakeOverSilenceMs / 1000) + " s later");
    }
    return {};
}

// What was accepted as all that is left hears nobody before: it would be told what it has forgotten.
Result<void> ClusterImpl::begin_after_take_over() {
    if (!counts_alone_.load()) return {};
    KONTOR_CHECK(change_identity([](Identity& changed) { changed.counts_alone = false; }));
    counts_alone_.store(false);
    set_doing("");
    return {};
}

Result<void> ClusterImpl::take_over(bool accepts_loss) {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    if (node()->leads())
        return fail(
            ErrorCode::conflict,
            node()->cluster_view().members.size() == 1
                ? "this node leads already, and alone: there is nothing to take over"
                : "this node leads already, and others follow it: nothing is lost. Take a node that is "
                  "gone for good out with 'kontor cluster remove'");
    const std::uint64_t silence_ms = node()->leader_silence_ms();
    if (silence_ms < kTakeOverSilenceMs) {
        return fail(
            ErrorCode::conflict,
            "the cluster has a leader, which this node heard a moment ago. Stop the old site first; to "
            "let another node lead without loss: 'kontor cluster transfer'");
    }
    const auto view = node()->cluster_view();
    if (!accepts_loss) {
        const std::string heard = silence_ms == replication::kNeverMs
                                      ? "has not been heard since this node was started"
                                      : "was last heard " + std::to_string(silence_ms / 1000) + " s ago";
        return fail(
            ErrorCode::permission_denied,
            "this node would go on alone from entry " + std::to_string(view.last_index) +
                " of the log. Its leader " + heard +
                ": whatever the old site acknowledged since then, and what was still on its way, is "
                "lost. All other nodes count as removed; make sure that none of them serves clients any "
                "more. Those that reach this node will stop by themselves. To go on: the same with "
                "--accept-loss");
    }
    if (is_taking_over_.exchange(true)) return fail(ErrorCode::conflict, "this is under way already");
    const auto work = [&]() -> Result<void> {
        KONTOR_CHECK(nobody_else_is_left());
        KONTOR_CHECK(node()->take_over());
        KONTOR_CHECK(begin_after_take_over());
        const std::uint64_t self = identity().node_no;
        pb::Command mine;
        mutable_body(mine, pb::update_cluster_node)->set_no(self);
        mutable_body(mine, pb::update_cluster_node)->set_voter(true);
        KONTOR_CHECK(outcome_of(propose(std::move(mine))));
        for (const pb::ClusterNode& other : nodes())
            if (other.no() != self) KONTOR_CHECK(remove(other.no()));
        return {};
    };
    auto done = work();
    is_taking_over_.store(false);
    if (done) log::warning("cluster", "event=taken_over index=" + std::to_string(view.last_index));
    return done;
}

}  // namespace kontor::cluster

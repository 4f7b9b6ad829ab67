#pragma once
// What makes several nodes one service (docs/adr/0007): links to the others, requests passed to the leader,
// membership, joining, and taking over another node's state. Level 6: it sees node, net and store; what is
// said on the API's port it gets as a handler.
//
//   open()               reads who this node is; listens on the peer port when it is a member
//   copy_state()         a node that has just joined: before its node is started
//   membership() -> Node::start, attach(node, handler, kinds)
//   handle(request)      any node, any request: here, or by the leader
//
// Threading: handle() on network threads; the commands (init() and below) block, not on a network thread;
// open(), copy_state(), attach(), stop() in this order on one thread. Ownership: node and handler outlive
// stop(); the cluster outlives the node (it is its transport). Errors: unavailable when no leader is to be
// had: retry; permission_denied and invalid_argument say what is wrong with a token, a certificate, a node.
// Limits: the constants below and payments::limits.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/server.h"
#include "kontor/node/node.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::pb {
class Command;
class Result;
}  // namespace kontor::pb

namespace kontor::cluster {

inline constexpr std::uint64_t kMinIndexWaitMs = 500;  // for Kontor-Min-Index; then the leader is asked
// For a leader to be found, per request, from when it came; or three election time-outs, if that is longer.
inline constexpr std::uint64_t kLeaderWaitMs = 1'800;
inline constexpr std::size_t kForwardsAtOnce = 20'000;
inline constexpr std::uint64_t kTakeOverSilenceMs = 5'000;  // so long no leader must have been heard
inline constexpr std::uint64_t kMaxIsolationMs = 60'000;
inline constexpr std::uint64_t kIsolationBeginsMs = 50;  // after the answer that it will
inline constexpr std::uint64_t kMaxDrainMs = 60'000;
inline constexpr std::int64_t kDefaultTokenLifetimeMs = 3600LL * 1000;

struct ClusterOptions {
    std::string data_folder;  // holds peer/, store/, log/
    std::string marker;       // as in replication::ReplicaOptions
    std::string listen_address = "127.0.0.1";
    std::uint16_t listen_port = 0;
    std::string advertised;  // host:port that the others dial; "": listen address and port
    std::string name;        // shown to people
    std::string version;
    std::uint64_t election_timeout_ms = 500, heartbeat_ms = 100;
    std::uint64_t max_staleness_ms = 5'000;
    std::int64_t max_clock_skew_ms =
        2'000;                  // a node whose clock is further off those of the others does not lead
    bool balance_reads = true;  // costly reads go to a node with less to do, and this one answers others'
    int max_descriptor = 0;     // as peer::PeerLimits::max_descriptor
    std::uint64_t copy_bytes_a_second = 0;  // for others that copy the state from here; 0: no limit
    unsigned partitions = 8;
    const crypto::Sealer* sealer = nullptr;
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    // May be empty. Asked by copy_state() before the node is started, and by the commands for people below:
    // those that wait for others end then, with unavailable.
    std::function<bool()> shall_stop;
    std::function<void(bool leads)> on_leads;  // from a thread of the node; keep it short
    // This node must not go on: its place was taken, or its state differs. The process ends.
    std::function<void(const Error&)> on_fatal;
    // The version of the binary that would be started instead of this process; asks it, so it takes a moment.
    std::function<Result<std::string>()> next_version;
    // Drain for so long, stop, start again in place (kontor upgrade). Returns at once. Null: cannot be done.
    std::function<void(std::uint64_t drain_ms)> on_restart;
    // The certificate authority of this node's API; "": the system's. Null: "".
    std::function<std::string()> api_authority;
};

struct RestartWishes {
    bool check_only = false;  // only what would be started
    std::uint64_t drain_ms = 2'000;
    bool accept_pause = false;  // also when the nodes that stay are no majority
};
struct Restarting {
    std::string version;  // of the binary that takes over
    std::string run_id;   // of the run that ends: the next one has another
};

struct TokenWishes {
    bool voter = true;
    std::uint64_t replaces = 0;
    std::int64_t lifetime_ms = kDefaultTokenLifetimeMs;
};

// What a request does, as the routes of `local` say it: this module knows no paths. Any thread.
using KindOf = std::function<http::RequestKind(const http::Request&)>;

// For a node without others: the answer to a request whose Kontor-Min-Index is no position. handle() looks
// itself.
[[nodiscard]] std::optional<http::Response> refused_position(const http::Request& request);

class Cluster {
 public:
    // A folder without peer/ is a single node; init() makes it a cluster's first. Errors: io, corruption,
    // permission_denied (the folder was copied from another node), conflict (it is older than what the node
    // promised: rejoin()).
    static Result<std::unique_ptr<Cluster>> open(ClusterOptions options);
    virtual ~Cluster() = default;  // stop()
    virtual void stop() = 0;

    [[nodiscard]] virtual bool is_member() const = 0;
    [[nodiscard]] virtual node::Membership membership() = 0;
    // True: this node has joined and has no state yet.
    [[nodiscard]] virtual bool needs_state() const = 0;
    // Copies it from any other node. `tell` gets a line for people now and then. Goes on where it was when it
    // is called again after a failure.
    [[nodiscard]] virtual Result<void> copy_state(const std::function<void(const std::string&)>& tell) = 0;
    virtual void attach(node::Node& node, http::Handler local, KindOf kind_of,
                        const std::string& api_url) = 0;

    // Before anything stops: hands leadership over, so that nobody waits for an election, and answers what
    // other nodes have sent here. At most 2 s each.
    virtual void leave_office() = 0;
    // Before a stop that others were told of: hands over, and makes a checkpoint, so that the next start is
    // short. A few seconds.
    virtual void prepare_stop() = 0;
    // Through the leader, wherever it is: commands about the cluster and set-up links. Blocks.
    [[nodiscard]] virtual Result<pb::Result> propose(pb::Command command) = 0;

    virtual void handle(http::Request request, http::Responder respond) = 0;
    [[nodiscard]] virtual std::uint16_t port() const = 0;  // 0: no peer port is open

    // --- For people: `kontor cluster …` over the control socket.
    [[nodiscard]] virtual Result<void> init() = 0;
    // "kct1.<fingerprint>.<secret>.<addresses>"; shown once.
    [[nodiscard]] virtual Result<std::string> make_token(const TokenWishes& wishes) = 0;
    // Done when no majority counts that node any more, so that a further node may be stopped; timeout: it is
    // marked, and will be. The same for who shall not vote. invalid_argument: there is no such node.
    [[nodiscard]] virtual Result<void> remove(std::uint64_t node_no) = 0;
    [[nodiscard]] virtual Result<void> leave() = 0;  // this one is removed, and ends by that
    [[nodiscard]] virtual Result<void> set_voter(std::uint64_t node_no, bool voter) = 0;
    [[nodiscard]] virtual Result<void> transfer(std::uint64_t node_no) = 0;  // 0: to any that is ready
    [[nodiscard]] virtual Result<void> rotate_authority() = 0;
    // A stand-by goes on alone, when the other site is lost: it becomes the only voter, and all other nodes
    // count as removed; those that come back hear it and stop. Without `accepts_loss` it only says what would
    // be lost (permission_denied). conflict: a leader was heard of a moment ago.
    [[nodiscard]] virtual Result<void> take_over(bool accepts_loss) = 0;
    // A node, this one or another, starts again with the binary in its place on disk. conflict: the others
    // could not go on without it.
    [[nodiscard]] virtual Result<Restarting> restart(std::uint64_t node_no, const RestartWishes& wishes) = 0;
    // For self-tests: a node's peer port says and hears nothing for so long, then goes on by itself.
    [[nodiscard]] virtual Result<void> isolate(std::uint64_t node_no, std::uint64_t ms) = 0;
    [[nodiscard]] virtual std::string status_json() = 0;
    // Node -> what its API's certificate is to be checked with, as it says itself over the peer port.
    [[nodiscard]] virtual std::map<std::uint64_t, std::string> api_authorities() = 0;
};

// A stopped member whose folder was lost in part or is older than what it promised is taken in anew under its
// number: the next start asks the leader to take it out of the log's configuration, forgets what the folder
// holds, copies the state, and takes its place again. Asks the others first, for some seconds. Returns the
// number. Errors: not_found (no member), conflict (the others have no majority without this node; says what
// each of them knows), permission_denied, io, corruption.
struct RejoinWishes {
    std::string data_folder, marker, version;
    bool accepts_loss = false;  // also when the others have no majority
    const Clock* clock = nullptr;
};
[[nodiscard]] Result<std::uint64_t> rejoin(const RejoinWishes& wishes);
// Before anything was given up. Errors: conflict (it was), not_found (nothing to undo), io, corruption.
[[nodiscard]] Result<std::uint64_t> undo_rejoin(const std::string& data_folder);

struct JoinWishes {
    std::string data_folder;
    std::string token;
    std::string name, advertised, api_url, version;
    std::string marker;  // given up: a new number has promised nothing
    const crypto::Sealer* sealer = nullptr;
    const Clock* clock = nullptr;
};
struct Joined {
    std::uint64_t node_no = 0;
    std::string cluster_hex;
    bool is_voter = false;
};
// Asks a member for a number and a certificate, and leaves them in an empty data folder; the next start
// copies the state. May be repeated with the same token after any failure.
[[nodiscard]] Result<Joined> join(const JoinWishes& wishes);

}  // namespace kontor::cluster

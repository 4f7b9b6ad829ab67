#pragma once
// Which node answers a request (docs/adr/0007, "Any node answers"): this one, the leader, or, for reads that
// cost much, one that has less to do (balancer.h).
//
// Threading: handle() and serve_forwarded() anywhere; they do not block. Ownership: everything in Parts
// outlives stop(). Errors: 503 with Retry-After when no leader is found in leader_wait_ms, or when a request
// without idempotency key was sent and its outcome is not known. Limits: kForwardsAtOnce, kMaxTripMs.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "balancer.h"
#include "kontor/cluster/cluster.h"
#include "kontor/peer/peer.h"
#include "kontor/telemetry/metrics.h"
#include "tasks.h"

namespace kontor::cluster {

// From a request's arrival: then the client is told, whatever the nodes do. As long as a server waits for its
// handler.
inline constexpr std::uint64_t kMaxTripMs = 60'000;

class Router {
 public:
    struct Parts {
        // What this node knows of itself (node::Node).
        std::function<bool()> leads;
        std::function<std::uint64_t()> leader;  // 0: not known
        std::function<std::uint64_t()> staleness_ms;
        std::function<bool()> may_answer_reads;
        std::function<std::uint64_t()> applied_index;  // null: nothing is passed on to help
        std::function<void(std::uint64_t index, std::uint64_t timeout_ms, std::function<void(bool)> done)>
            wait_applied;
        http::Handler local;
        KindOf kind_of;  // of what `local` answers
        std::function<void(std::uint64_t node, std::uint16_t kind, std::string body, std::uint64_t timeout_ms,
                           peer::CallDone done)>
            call;
        std::uint64_t node_no = 0;
        std::uint64_t leader_wait_ms = kLeaderWaitMs;
        const Clock* clock = nullptr;
        telemetry::Registry* metrics = nullptr;
    };
    explicit Router(Parts parts);
    ~Router() { stop(); }
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    void handle(http::Request request, http::Responder respond);
    // As the leader, for another node. unavailable: this node is not the leader, ask again.
    void serve_forwarded(std::string body, peer::CallResponder respond);
    // A read for a busier node. unavailable: that one has to answer itself.
    void serve_balanced(const std::string& body, peer::CallResponder respond);
    [[nodiscard]] Balancer& balancer() { return balancer_; }
    // Reads that cost much and are being answered here, own and others'.
    [[nodiscard]] std::size_t costly_reads() const { return costly_reads_.load(); }
    // How many of those are not answered yet.
    [[nodiscard]] std::size_t for_others() const { return for_others_.load(); }
    void set_node_no(std::uint64_t node_no) { node_no_.store(node_no); }
    void stop();

 private:
    struct Passed;  // a read that another node was asked for
    struct Trip;    // a request that may have to be asked for more than once
    using TripPtr = std::shared_ptr<Trip>;

    void serve_here(http::Request request, http::Responder respond, std::uint64_t min_index);
    void read_here(http::Request request, http::Responder respond);
    void answer_here(http::Request request, http::Responder respond);
    void read_there(std::uint64_t node_no, http::Request request, http::Responder respond);
    void instead_of_helper(const std::shared_ptr<Passed>& passed);
    [[nodiscard]] bool knows_now() const { return parts_.leads() || parts_.may_answer_reads(); }
    [[nodiscard]] http::Responder counted(http::Responder respond);
    void lead_here(http::Request request, http::Responder respond);
    void travel(http::Request request, http::Responder respond, std::uint64_t came_ms,
                bool may_be_done = false);
    void go(const TripPtr& trip);
    void go_later(const TripPtr& trip);
    [[nodiscard]] bool is_beyond(const http::Request& request) const;
    // An answer of this node as the leader, which it may no longer be.
    [[nodiscard]] bool is_outdated(const http::Request& request, const http::Response& response) const;
    [[nodiscard]] static bool is_of_earlier_attempt(const Trip& trip, const http::Response& response);
    void arrived(const TripPtr& trip, Result<std::string> answer);
    void lost(const TripPtr& trip);
    void watch(const TripPtr& trip, std::uint64_t attempt, std::uint64_t leader);
    void look_at_watched();

    const Parts parts_;
    telemetry::Counter& forwarded_;
    telemetry::Counter& repeated_;
    telemetry::Counter& passed_on_;
    telemetry::Counter& answered_for_others_;
    Balancer balancer_;
    std::atomic<std::size_t> costly_reads_{0};
    std::atomic<std::size_t> helping_{0};
    std::atomic<std::uint64_t> node_no_;
    const std::shared_ptr<std::atomic<std::size_t>> under_way_ =
        std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<std::size_t> for_others_{0};
    struct Watched {
        TripPtr trip;
        std::uint64_t attempt = 0, leader = 0;
    };
    std::mutex mutex_;
    std::vector<Watched> watched_;  // guarded by mutex_; at most kForwardsAtOnce and those of the last look
    bool is_looking_ = false;       // guarded by mutex_
    Tasks tasks_;
    Tasks helping_tasks_;  // others' reads, which may take long
};

}  // namespace kontor::cluster

#include "router.h"

#include <algorithm>

#include "kontor/machine/outcome.h"
#include "messages.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kRetryMs = 15;
constexpr std::uint64_t kHearWithinMs = 300;  // by a node that has heard no leader for long
constexpr std::uint64_t kWatchMs = 50;
constexpr std::size_t kTasks = 40'000;
constexpr const char* kBeyondText = "No entry of the log has this index yet: Kontor-Min-Index.";

}  // namespace

struct Router::Trip {
    http::Request request;
    http::Responder respond;
    std::uint64_t came_ms = 0;  // onto its way: who stood still begins to count now
    std::uint64_t deadline_ms = 0;
    std::uint64_t end_ms = 0;  // the deadline is never put off beyond it
    bool is_repeatable = false;
    bool was_sent = false;     // and no answer came: the outcome is not known
    bool may_be_done = false;  // a node that lost the lead said 503: its entry may yet be committed
    std::shared_ptr<std::atomic<std::size_t>> under_way;  // a late answer may outlive the router
    // The answer may come when nobody waits for it any more: the thread that takes the attempt goes on with
    // the trip.
    std::atomic<std::uint64_t> attempt{0};

    ~Trip() { --*under_way; }
    bool take(std::uint64_t number) { return attempt.compare_exchange_strong(number, number + 1); }
};

// What an earlier attempt of ours began may still be under way: its end is the answer, not that its key is in
// use.
bool Router::is_of_earlier_attempt(const Trip& trip, const http::Response& response) {
    return trip.was_sent && response.outcome == machine::outcome::idempotency_in_use;
}

Router::Router(Parts parts)
    : parts_(std::move(parts)),
      forwarded_(parts_.metrics->counter("kontor_requests_forwarded_total",
                                         "Requests that this node passed to the leader.")),
      repeated_(parts_.metrics->counter("kontor_requests_forwarded_again_total",
                                        "Requests passed on once more, since a leader was lost under them.")),
      passed_on_(parts_.metrics->counter("kontor_reads_passed_on_total",
                                         "Costly reads that a node with less to do answered for this one.")),
      answered_for_others_(parts_.metrics->counter("kontor_reads_answered_for_others_total",
                                                   "Costly reads that this node answered for a busier one.")),
      node_no_(parts_.node_no),
      tasks_("router", 2, kTasks),
      helping_tasks_("helper", 2, kMaxPassedOn) {}

void Router::handle(http::Request request, http::Responder respond) {
    request.kind = parts_.kind_of(request);
    const auto min_index = min_index_of(request);
    if (!min_index) return respond(bad_position());
    const bool leads = parts_.leads();
    if (!request.kind.is_read) {
        if (leads) return lead_here(std::move(request), std::move(respond));
        return travel(std::move(request), std::move(respond), parts_.clock->monotonic_ms());
    }
    if (leads && *min_index == 0) return read_here(std::move(request), std::move(respond));
    if (!leads && !parts_.may_answer_reads())
        return travel(std::move(request), std::move(respond), parts_.clock->monotonic_ms());
    serve_here(std::move(request), std::move(respond), *min_index);
}

// A read, once this node knows everything up to the index.
void Router::serve_here(http::Request request, http::Responder respond, std::uint64_t min_index) {
    if (min_index == 0) return read_here(std::move(request), std::move(respond));
    struct Waiting {
        http::Request request;
        http::Responder respond;
    };
    const auto waiting = std::make_shared<Waiting>(Waiting{std::move(request), std::move(respond)});
    parts_.wait_applied(min_index, kMinIndexWaitMs, [this, waiting](bool is_there) {
        // A thread of the node: it must not be held up.
        const bool posted = tasks_.post([this, waiting, is_there] {
            if (is_there) return read_here(std::move(waiting->request), std::move(waiting->respond));
            if (!parts_.leads())
                return travel(std::move(waiting->request), std::move(waiting->respond),
                              parts_.clock->monotonic_ms());
            waiting->respond(problem(503, kBeyondText));
        });
        if (!posted) waiting->respond(problem(503, "This node is stopping."));
    });
}

void Router::read_here(http::Request request, http::Responder respond) {
    if (request.kind.is_costly) {
        if (parts_.applied_index)
            if (const auto helper = balancer_.pick(parts_.clock->monotonic_ms()))
                return read_there(*helper, std::move(request), std::move(respond));
        respond = counted(std::move(respond));
    }
    if (parts_.leads()) return lead_here(std::move(request), std::move(respond));
    answer_here(std::move(request), std::move(respond));
}

bool Router::is_outdated(const http::Request& request, const http::Response& response) const {
    if (response.prepare || response.on_stream) return false;
    // It may not have noticed yet that it ceased to lead, or lead again. A node without others stays with it.
    const bool is_lost = response.outcome == machine::outcome::undecided && node_no_.load() != 0;
    if (is_lost && request.kind.is_repeatable) return true;
    return (request.kind.is_read || may_be_ignorance(response.status)) && !parts_.leads();
}

// A read at a follower: what it may refuse for not knowing it is asked of the leader.
void Router::answer_here(http::Request request, http::Responder respond) {
    const auto copy = std::make_shared<http::Request>(request);
    parts_.local(std::move(request), [this, copy, came_ms = parts_.clock->monotonic_ms(),
                                      respond = std::move(respond)](http::Response response) mutable {
        const bool is_begun = response.prepare || response.on_stream;
        // The process may have stood still since it was asked.
        if (is_begun || (knows_now() && !may_be_ignorance(response.status)))
            return respond(std::move(response));
        travel(std::move(*copy), std::move(respond), came_ms);
    });
}

// This node leads. When it ceases to while the request is under way, one that may be repeated goes on to the
// next leader, so that nobody notices. A leader that stood still notices after it has answered: what it read,
// and what it refused by what it knew, may be old.
void Router::lead_here(http::Request request, http::Responder respond) {
    if (!request.kind.is_repeatable) return parts_.local(std::move(request), std::move(respond));
    const auto copy = std::make_shared<http::Request>(request);
    parts_.local(std::move(request), [this, copy, came_ms = parts_.clock->monotonic_ms(),
                                      respond = std::move(respond)](http::Response response) mutable {
        if (!is_outdated(*copy, response)) return respond(std::move(response));
        travel(std::move(*copy), std::move(respond), came_ms, !copy->kind.is_read);
    });
}

// `came_ms`: when the client asked; what this node tried itself meanwhile counts, too.
// `may_be_done`: so does what came of it, which is not known.
void Router::travel(http::Request request, http::Responder respond, std::uint64_t came_ms, bool may_be_done) {
    if (++*under_way_ > kForwardsAtOnce) {
        --*under_way_;
        return respond(problem(429, "Too many requests are on their way to the leader; try again shortly."));
    }
    const auto trip = std::make_shared<Trip>();
    trip->under_way = under_way_;
    trip->is_repeatable = request.kind.is_repeatable;
    trip->request = std::move(request);
    trip->respond = std::move(respond);
    trip->came_ms = parts_.clock->monotonic_ms();
    trip->deadline_ms = came_ms + parts_.leader_wait_ms;
    trip->end_ms = came_ms + kMaxTripMs;
    trip->may_be_done = may_be_done;
    forwarded_.add();
    go(trip);
}

void Router::go(const TripPtr& trip) {
    if (parts_.leads()) {
        if (is_beyond(trip->request)) return trip->respond(problem(503, kBeyondText));
        // It has become the leader meanwhile. A copy stays with the trip: it may cease to be, too.
        parts_.local(http::Request(trip->request), [this, trip](http::Response response) {
            const bool is_own = is_of_earlier_attempt(*trip, response);
            if (!trip->is_repeatable || (!is_own && !is_outdated(trip->request, response)))
                return trip->respond(std::move(response));
            trip->may_be_done = !trip->request.kind.is_read;
            go_later(trip);
        });
        return;
    }
    const std::uint64_t leader = parts_.leader();
    if (leader == 0 || leader == node_no_.load()) {
        // Cut off for long, it does not keep those waiting who can ask another node. A moment all the same:
        // it may have stood still, and hear the others as soon as its threads have run.
        const std::uint64_t staleness_ms = parts_.staleness_ms();
        if (staleness_ms > parts_.leader_wait_ms && staleness_ms != replication::kNeverMs)
            trip->deadline_ms = std::min(trip->deadline_ms, trip->came_ms + kHearWithinMs);
        return go_later(trip);
    }
    const std::uint64_t now = parts_.clock->monotonic_ms();
    if (now >= trip->end_ms) return go_later(trip);
    const std::uint64_t attempt = trip->attempt.load();
    std::string body = encode_request(trip->request);
    watch(trip, attempt, leader);
    parts_.call(leader, call_kind::forward, std::move(body), trip->end_ms - now,
                [this, trip, attempt](Result<std::string> answer) {
                    if (trip->take(attempt)) arrived(trip, std::move(answer));
                });
}

// A leader that is cut off or stands still does not answer, and its link seems to live for seconds. That
// the leader has changed, or is gone, is known sooner.
void Router::watch(const TripPtr& trip, std::uint64_t attempt, std::uint64_t leader) {
    const std::lock_guard lock(mutex_);
    watched_.push_back({trip, attempt, leader});
    if (!is_looking_) is_looking_ = tasks_.post([this] { look_at_watched(); }, kWatchMs);
}

void Router::look_at_watched() {
    const std::uint64_t leader = parts_.leader(), now = parts_.clock->monotonic_ms();
    std::vector<TripPtr> lost_ones;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(watched_, [&](const Watched& one) {
            if (one.trip->attempt.load() != one.attempt) return true;
            if (one.leader == leader) return false;
            // What must not be sent twice gets some time: the answer may yet come.
            if (!one.trip->is_repeatable && now < one.trip->deadline_ms) return false;
            if (one.trip->take(one.attempt)) lost_ones.push_back(one.trip);
            return true;
        });
        is_looking_ = !watched_.empty() && tasks_.post([this] { look_at_watched(); }, kWatchMs);
    }
    for (const TripPtr& trip : lost_ones) lost(trip);
}

// It was sent, and there will be no answer.
void Router::lost(const TripPtr& trip) {
    if (!trip->is_repeatable) {
        trip->respond(problem(503,
                              "The leader was lost while it worked on this request; whether it was "
                              "carried out is not known. With an Idempotency-Key it can be repeated.",
                              false));
        return;
    }
    repeated_.add();
    trip->was_sent = true;
    const std::uint64_t later = parts_.clock->monotonic_ms() + parts_.leader_wait_ms / 2;
    trip->deadline_ms = std::min(std::max(trip->deadline_ms, later), trip->end_ms);
    go_later(trip);
}

void Router::stop() {
    tasks_.stop();
    helping_tasks_.stop();
    std::vector<Watched> left;
    const std::lock_guard lock(mutex_);
    left.swap(watched_);
}

void Router::arrived(const TripPtr& trip, Result<std::string> answer) {
    if (!answer) {
        const Error& error = answer.error();
        switch (error.code) {
            case ErrorCode::unavailable:  // nothing was done
                return go_later(trip);
            case ErrorCode::conflict:
                return trip->respond(problem(503, kBeyondText));
            case ErrorCode::overloaded:
                return trip->respond(problem(429, "Too many requests are waiting; try again shortly."));
            case ErrorCode::too_large:
                return trip->respond(problem(413, "The request or its answer is too large to be passed on."));
            case ErrorCode::io:
            case ErrorCode::timeout:
            case ErrorCode::internal:  // the node that worked on it gave no answer
                return lost(trip);
            case ErrorCode::unsupported:
                return trip->respond(
                    problem(503, "The answer is a stream; ask the leader for it.", trip->is_repeatable));
            default:  // asked again, it would say the same
                return trip->respond(problem(500, "The leader does not take this request from this node."));
        }
    }
    auto response = decode_response(*answer);
    if (!response) return trip->respond(problem(500, "The leader's answer could not be read."));
    const bool is_own = is_of_earlier_attempt(*trip, *response);
    if ((response->status == 503 || is_own) && trip->is_repeatable &&
        parts_.clock->monotonic_ms() < trip->deadline_ms) {
        repeated_.add();
        trip->may_be_done = true;
        return go_later(trip);
    }
    trip->respond(*std::move(response));
}

void Router::go_later(const TripPtr& trip) {
    const bool in_time = parts_.clock->monotonic_ms() < trip->deadline_ms;
    if (in_time && tasks_.post([this, trip] { go(trip); }, kRetryMs)) return;
    const bool may_be_done = !trip->request.kind.is_read && (trip->was_sent || trip->may_be_done);
    trip->respond(problem(503, may_be_done
                                   ? "The leader was lost and no other one was found in time; repeat "
                                     "the request with the same Idempotency-Key."
                                   : "The cluster has no leader just now; nothing was done. Try again "
                                     "shortly."));
}

// A leader has everything that was ever acknowledged.
bool Router::is_beyond(const http::Request& request) const {
    const auto index = min_index_of(request);
    if (!request.kind.is_read || !index || *index == 0) return false;
    bool is_there = false;
    parts_.wait_applied(*index, 0, [&](bool is) { is_there = is; });  // without a wait it is called at once
    return !is_there;
}

void Router::serve_forwarded(std::string body, peer::CallResponder respond) {
    if (!parts_.leads()) return respond(fail(ErrorCode::unavailable, "this node is not the leader"));
    auto request = decode_request(body);
    if (!request) return respond(Unexpected{request.error()});
    request->kind = parts_.kind_of(*request);
    if (is_beyond(*request)) return respond(fail(ErrorCode::conflict, kBeyondText));
    struct Work {
        http::Request request;
        peer::CallResponder respond;
        std::atomic<std::size_t>* for_others;
        ~Work() { --*for_others; }
    };
    ++for_others_;
    const auto work = std::make_shared<Work>(*std::move(request), respond, &for_others_);
    const bool posted = tasks_.post([this, work] {
        const bool reads = work->request.kind.is_read;
        parts_.local(std::move(work->request), [this, work, reads](http::Response response) {
            if (reads && !parts_.leads())
                return work->respond(fail(ErrorCode::unavailable, "this node leads no longer"));
            work->respond(encode_response(std::move(response)));
        });
    });
    if (!posted) respond(fail(ErrorCode::overloaded, "too many requests wait at the leader"));
}

}  // namespace kontor::cluster

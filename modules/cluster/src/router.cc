#include "router.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kForwardTimeoutMs = 60'000;  // as long as a server waits for its handler
constexpr std::uint64_t kHelperTimeoutMs = 2'000;    // then this node answers itself
constexpr std::uint64_t kHelperIndexMs = 100;
constexpr std::uint64_t kRetryMs = 15;
constexpr std::uint64_t kWatchMs = 50;
constexpr std::size_t kTasks = 40'000;
constexpr std::string_view kMinIndexHeader = "Kontor-Min-Index";
constexpr std::string_view kLogIndexHeader = "Kontor-Log-Index";
constexpr const char* kBeyondText = "No entry of the log has this index yet: Kontor-Min-Index.";

// A look-up has many ids in its body and changes nothing; as a write it would ignore Kontor-Min-Index on a
// leader that was replaced and does not know it yet.
bool is_read(const net::Request& request) {
    if (request.method == "GET" || request.method == "HEAD") return true;
    return request.method == "POST" && request.path.starts_with("/v1/ledger/") &&
           request.path.ends_with("/lookup");
}

// Sending it twice does no harm.
bool is_repeatable(const net::Request& request) {
    return is_read(request) || !request.header("Idempotency-Key").empty();
}

// What a node that is behind may say although the leader would not: it does not know a key or an object yet,
// or it is not ready. What is wrong with the request itself is wrong everywhere.
bool may_be_ignorance(int status) {
    return status == 400 || status == 401 || status == 403 || status == 404 || status == 409 ||
           status == 410 || status == 412 || status == 500 || status == 503;
}

net::Response problem(int status, const std::string& message) {
    net::Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    if (status == 503 || status == 429) {
        response.headers.push_back({"Retry-After", "1"});
        response.headers.push_back({"Stripe-Should-Retry", "true"});
    }
    const char* type = status >= 500   ? "api_error"
                       : status == 429 ? "rate_limit_error"
                                       : "invalid_request_error";
    response.body = "{\n  \"error\": {\n    \"type\": \"" + std::string(type) + "\",\n    \"message\": \"" +
                    message + "\"\n  }\n}\n";
    return response;
}

// 0: none is given; nullopt: it is no number.
std::optional<std::uint64_t> index_in(std::string_view text) {
    std::uint64_t index = 0;
    if (text.empty()) return index;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return index;
}

std::optional<std::uint64_t> min_index_of(const net::Request& request) {
    return index_in(request.header(kMinIndexHeader));
}

std::uint64_t log_index_of(const net::Response& response) {
    for (const net::Header& header : response.headers)
        if (header.name == kLogIndexHeader) return index_in(header.value).value_or(0);
    return 0;
}

}  // namespace

struct Router::Passed {
    net::Request request;
    net::Responder respond;
};

struct Router::Trip {
    net::Request request;
    net::Responder respond;
    std::uint64_t deadline_ms = 0;
    bool is_repeatable = false;
    bool was_sent = false;  // and no answer came: the outcome is not known
    std::atomic<std::size_t>* under_way = nullptr;
    // The answer may come when nobody waits for it any more: whoever takes the attempt goes on with the trip.
    std::atomic<std::uint64_t> attempt{0};

    ~Trip() { --*under_way; }
    bool take(std::uint64_t number) { return attempt.compare_exchange_strong(number, number + 1); }
};

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

void Router::handle(net::Request request, net::Responder respond) {
    const auto min_index = min_index_of(request);
    if (!min_index)
        return respond(problem(400, "Kontor-Min-Index is a log index: a number from Kontor-Log-Index."));
    const bool leads = parts_.leads();
    if (!is_read(request)) {
        if (leads) return lead_here(std::move(request), std::move(respond));
        return travel(std::move(request), std::move(respond), parts_.clock->monotonic_ms());
    }
    if (leads && *min_index == 0) return read_here(std::move(request), std::move(respond));
    if (!leads && parts_.staleness_ms() > parts_.max_staleness_ms)
        return travel(std::move(request), std::move(respond), parts_.clock->monotonic_ms());
    serve_here(std::move(request), std::move(respond), *min_index);
}

// A read, once this node knows everything up to the index.
void Router::serve_here(net::Request request, net::Responder respond, std::uint64_t min_index) {
    if (min_index == 0) return read_here(std::move(request), std::move(respond));
    struct Waiting {
        net::Request request;
        net::Responder respond;
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

void Router::read_here(net::Request request, net::Responder respond) {
    if (is_costly_read(request)) {
        if (parts_.applied_index)
            if (const auto helper = balancer_.pick(parts_.clock->monotonic_ms()))
                return read_there(*helper, std::move(request), std::move(respond));
        respond = counted(std::move(respond));
    }
    if (parts_.leads()) return lead_here(std::move(request), std::move(respond));
    answer_here(std::move(request), std::move(respond));
}

// A read at a follower: what it may refuse for not knowing it is asked of the leader.
void Router::answer_here(net::Request request, net::Responder respond) {
    const auto copy = std::make_shared<net::Request>(request);
    parts_.local(std::move(request), [this, copy, came_ms = parts_.clock->monotonic_ms(),
                                      respond = std::move(respond)](net::Response response) mutable {
        const bool is_final = response.prepare || response.on_stream || !may_be_ignorance(response.status);
        if (is_final) return respond(std::move(response));
        travel(std::move(*copy), std::move(respond), came_ms);
    });
}

net::Responder Router::counted(net::Responder respond) {
    ++costly_reads_;
    struct Count {
        std::atomic<std::size_t>& reads;
        explicit Count(std::atomic<std::size_t>& counter) : reads(counter) {}
        Count(const Count&) = delete;
        Count& operator=(const Count&) = delete;
        ~Count() { --reads; }
    };
    return [count = std::make_shared<Count>(costly_reads_),
            respond = std::move(respond)](net::Response response) mutable {
        count.reset();
        respond(std::move(response));
    };
}

// Whatever goes wrong there, this node answers. The answer knows all that this node knows now, so nobody sees
// less than before.
void Router::read_there(std::uint64_t node_no, net::Request request, net::Responder respond) {
    net::Request passed = request;
    const std::uint64_t known = std::max(parts_.applied_index(), min_index_of(request).value_or(0));
    // The first one of a name counts.
    passed.headers.insert(passed.headers.begin(), {std::string(kMinIndexHeader), std::to_string(known)});
    const auto waiting = std::make_shared<Passed>(Passed{std::move(request), std::move(respond)});
    parts_.call(
        node_no, call_kind::balanced_read, encode_request(passed), kHelperTimeoutMs,
        [this, node_no, waiting](Result<std::string> answer) {
            const bool is_answered = answer.has_value();
            balancer_.ended(node_no, is_answered, parts_.clock->monotonic_ms());
            auto response =
                is_answered ? decode_response(*answer) : Result<net::Response>(Unexpected{answer.error()});
            if (!response) return instead_of_helper(waiting);
            passed_on_.add();
            // The next read may be answered here: it must not know less than this one did.
            const auto kept = std::make_shared<net::Response>(*std::move(response));
            parts_.wait_applied(log_index_of(*kept), kMinIndexWaitMs, [this, waiting, kept](bool is_there) {
                if (!is_there) return instead_of_helper(waiting);
                waiting->respond(std::move(*kept));
            });
        });
}

void Router::instead_of_helper(const std::shared_ptr<Passed>& passed) {
    // Not on a network thread of the links, nor on one of the node's: the read costs much.
    const bool posted = tasks_.post([this, passed] {
        if (parts_.leads()) return lead_here(std::move(passed->request), std::move(passed->respond));
        answer_here(std::move(passed->request), std::move(passed->respond));
    });
    if (!posted) passed->respond(problem(503, "This node is stopping."));
}

void Router::serve_balanced(const std::string& body, net::CallResponder respond) {
    auto request = decode_request(body);
    if (!request) return respond(Unexpected{request.error()});
    const auto index = min_index_of(*request);
    const bool could = is_costly_read(*request) && index &&
                       (parts_.leads() || parts_.staleness_ms() <= parts_.max_staleness_ms);
    if (!could) return respond(fail(ErrorCode::unavailable, "this node does not answer that for others"));
    struct Work {
        net::Request request;
        net::CallResponder respond;
        std::atomic<std::size_t>& helping;
        Work(net::Request asked, net::CallResponder responder, std::atomic<std::size_t>& counter)
            : request(std::move(asked)), respond(std::move(responder)), helping(counter) {
            ++helping;
        }
        Work(const Work&) = delete;
        Work& operator=(const Work&) = delete;
        ~Work() { --helping; }
    };
    const auto work = std::make_shared<Work>(*std::move(request), respond, helping_);
    if (helping_.load() > kMaxPassedOn)
        return respond(fail(ErrorCode::overloaded, "this node helps as much as it can"));
    parts_.wait_applied(*index, kHelperIndexMs, [this, work](bool is_there) {
        if (!is_there) return work->respond(fail(ErrorCode::unavailable, "this node is behind"));
        const bool posted = helping_tasks_.post([this, work] {
            parts_.local(
                std::move(work->request), counted([this, work](net::Response response) {
                    const bool is_final = response.prepare || !may_be_ignorance(response.status);
                    if (!is_final)
                        return work->respond(fail(ErrorCode::unavailable, "this node does not know enough"));
                    answered_for_others_.add();
                    work->respond(encode_response(std::move(response)));
                }));
        });
        if (!posted) work->respond(fail(ErrorCode::overloaded, "this node helps as much as it can"));
    });
}

// This node leads. When it ceases to while the request is under way, one that may be repeated goes on to the
// next leader, so that nobody notices.
void Router::lead_here(net::Request request, net::Responder respond) {
    if (!is_repeatable(request)) return parts_.local(std::move(request), std::move(respond));
    const auto copy = std::make_shared<net::Request>(request);
    parts_.local(std::move(request), [this, copy, came_ms = parts_.clock->monotonic_ms(),
                                      respond = std::move(respond)](net::Response response) mutable {
        const bool lost = response.status == 503 && !response.prepare && !parts_.leads();
        if (!lost) return respond(std::move(response));
        travel(std::move(*copy), std::move(respond), came_ms);
    });
}

// `came_ms`: when the client asked; what this node tried itself meanwhile counts, too.
void Router::travel(net::Request request, net::Responder respond, std::uint64_t came_ms) {
    if (++under_way_ > kForwardsAtOnce) {
        --under_way_;
        return respond(problem(429, "Too many requests are on their way to the leader; try again shortly."));
    }
    const auto trip = std::make_shared<Trip>();
    trip->under_way = &under_way_;
    trip->is_repeatable = is_repeatable(request);
    trip->request = std::move(request);
    trip->respond = std::move(respond);
    trip->deadline_ms = came_ms + parts_.leader_wait_ms;
    forwarded_.add();
    go(trip);
}

void Router::go(const TripPtr& trip) {
    if (parts_.leads()) {
        if (is_beyond(trip->request)) return trip->respond(problem(503, kBeyondText));
        // It has become the leader meanwhile. A copy stays with the trip: it may cease to be, too.
        parts_.local(net::Request(trip->request), [this, trip](net::Response response) {
            const bool lost = response.status == 503 && !response.prepare && !parts_.leads();
            if (lost && trip->is_repeatable) return go_later(trip);
            trip->respond(std::move(response));
        });
        return;
    }
    const std::uint64_t leader = parts_.leader();
    if (leader == 0 || leader == node_no_.load()) {
        // Cut off for long, it does not keep those waiting who can ask another node.
        const std::uint64_t staleness_ms = parts_.staleness_ms();
        if (staleness_ms > parts_.leader_wait_ms && staleness_ms != replication::kNeverMs)
            trip->deadline_ms = 0;
        return go_later(trip);
    }
    const std::uint64_t attempt = trip->attempt.load();
    std::string body = encode_request(trip->request);
    watch(trip, attempt, leader);
    parts_.call(leader, call_kind::forward, std::move(body), kForwardTimeoutMs,
                [this, trip, attempt](Result<std::string> answer) {
                    if (trip->take(attempt)) arrived(trip, std::move(answer));
                });
}

// A leader that is cut off or stands still does not answer, and its link seems to live for seconds. That
// another one leads, or none, is known sooner.
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
                              "carried out is not known. With an Idempotency-Key it can be repeated."));
        return;
    }
    repeated_.add();
    trip->was_sent = true;
    trip->deadline_ms = std::max(trip->deadline_ms, parts_.clock->monotonic_ms() + parts_.leader_wait_ms / 2);
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
            default:
                break;
        }
        return lost(trip);
    }
    auto response = decode_response(*answer);
    if (!response) return trip->respond(problem(500, "The leader's answer could not be read."));
    if (response->status == 503 && trip->is_repeatable && parts_.clock->monotonic_ms() < trip->deadline_ms) {
        repeated_.add();
        return go_later(trip);
    }
    trip->respond(*std::move(response));
}

void Router::go_later(const TripPtr& trip) {
    const bool in_time = parts_.clock->monotonic_ms() < trip->deadline_ms;
    if (in_time && tasks_.post([this, trip] { go(trip); }, kRetryMs)) return;
    trip->respond(problem(503, trip->was_sent
                                   ? "The leader was lost and no other one was found in time; repeat "
                                     "the request with the same Idempotency-Key."
                                   : "The cluster has no leader just now; nothing was done. Try again "
                                     "shortly."));
}

// A leader has everything that was ever acknowledged.
bool Router::is_beyond(const net::Request& request) const {
    const auto index = min_index_of(request);
    if (!is_read(request) || !index || *index == 0) return false;
    bool is_there = false;
    parts_.wait_applied(*index, 0, [&](bool is) { is_there = is; });  // without a wait it is called at once
    return !is_there;
}

void Router::serve_forwarded(std::string body, net::CallResponder respond) {
    if (!parts_.leads()) return respond(fail(ErrorCode::unavailable, "this node is not the leader"));
    auto request = decode_request(body);
    if (!request) return respond(Unexpected{request.error()});
    if (is_beyond(*request)) return respond(fail(ErrorCode::conflict, kBeyondText));
    struct Work {
        net::Request request;
        net::CallResponder respond;
        std::atomic<std::size_t>* for_others;
        ~Work() { --*for_others; }
    };
    ++for_others_;
    const auto work = std::make_shared<Work>(*std::move(request), respond, &for_others_);
    const bool posted = tasks_.post([this, work] {
        parts_.local(std::move(work->request),
                     [work](net::Response response) { work->respond(encode_response(std::move(response))); });
    });
    if (!posted) respond(fail(ErrorCode::overloaded, "too many requests wait at the leader"));
}

}  // namespace kontor::cluster

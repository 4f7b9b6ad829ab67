// Reads that cost much and are answered by a node with less to do; and those that this node answers for
// others.

#include <algorithm>

#include "kontor/crypto/public_id.h"
#include "messages.h"
#include "router.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kHelperTimeoutMs = 2'000;  // then this node answers itself
constexpr std::uint64_t kHelperIndexMs = 100;

}  // namespace

struct Router::Passed {
    http::Request request;
    http::Responder respond;
};

http::Responder Router::counted(http::Responder respond) {
    ++costly_reads_;
    struct Count {
        std::atomic<std::size_t>& reads;
        explicit Count(std::atomic<std::size_t>& counter) : reads(counter) {}
        Count(const Count&) = delete;
        Count& operator=(const Count&) = delete;
        ~Count() { --reads; }
    };
    return [count = std::make_shared<Count>(costly_reads_),
            respond = std::move(respond)](http::Response response) mutable {
        count.reset();
        respond(std::move(response));
    };
}

// Whatever goes wrong there, this node answers. The answer knows all that this node knows now, so nobody sees
// less than before.
void Router::read_there(std::uint64_t node_no, http::Request request, http::Responder respond) {
    http::Request passed = request;
    const std::uint64_t known = std::max(parts_.applied_index(), min_index_of(request).value_or(0));
    // The first one of a name counts.
    passed.headers.insert(passed.headers.begin(),
                          {std::string(kMinIndexHeader), format_position({kFirstGroup, known})});
    const auto waiting = std::make_shared<Passed>(Passed{std::move(request), std::move(respond)});
    parts_.call(
        node_no, call_kind::balanced_read, encode_request(passed), kHelperTimeoutMs,
        [this, node_no, waiting](Result<std::string> answer) {
            const bool is_answered = answer.has_value();
            balancer_.ended(node_no, is_answered, parts_.clock->monotonic_ms());
            auto response =
                is_answered ? decode_response(*answer) : Result<http::Response>(Unexpected{answer.error()});
            if (!response) return instead_of_helper(waiting);
            passed_on_.add();
            // The next read may be answered here: it must not know less than this one did.
            const auto kept = std::make_shared<http::Response>(*std::move(response));
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

void Router::serve_balanced(const std::string& body, peer::CallResponder respond) {
    auto request = decode_request(body);
    if (!request) return respond(Unexpected{request.error()});
    request->kind = parts_.kind_of(*request);
    const auto index = min_index_of(*request);
    const bool could = request->kind.is_costly && index && knows_now();
    if (!could) return respond(fail(ErrorCode::unavailable, "this node does not answer that for others"));
    struct Work {
        http::Request request;
        peer::CallResponder respond;
        std::atomic<std::size_t>& helping;
        Work(http::Request asked, peer::CallResponder responder, std::atomic<std::size_t>& counter)
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
                std::move(work->request), counted([this, work](http::Response response) {
                    const bool is_final = response.prepare || !may_be_ignorance(response.status);
                    if (!is_final || !knows_now())
                        return work->respond(fail(ErrorCode::unavailable, "this node does not know enough"));
                    answered_for_others_.add();
                    work->respond(encode_response(std::move(response)));
                }));
        });
        if (!posted) work->respond(fail(ErrorCode::overloaded, "this node helps as much as it can"));
    });
}

}  // namespace kontor::cluster

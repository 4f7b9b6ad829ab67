#pragma once
// A router between a node and a leader made of functions, on a clock that goes on while a request waits.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kontor/crypto/public_id.h"
#include "kontor/telemetry/metrics.h"
#include "router.h"
#include "support/test_clock.h"
#include "wire.h"

namespace kontor::cluster::testing {

// A position as clients have it.
inline std::string at(std::uint64_t index) {
    return format_position({kFirstGroup, index});
}

class RouterTest : public ::testing::Test {
 protected:
    RouterTest() {
        Router::Parts parts;
        parts.leads = [this] { return leads.load(); };
        parts.leader = [this] { return leader.load(); };
        parts.staleness_ms = [this] { return staleness.load(); };
        parts.wait_applied = [this](std::uint64_t index, std::uint64_t, std::function<void(bool)> done) {
            done(applied.load() >= index);
        };
        parts.kind_of = [](const http::Request& request) {
            http::RequestKind kind;
            kind.is_read = request.method == "GET" || request.path == "/v1/ledger/accounts/lookup";
            kind.is_repeatable = kind.is_read || (!request.path.starts_with("/admin") &&
                                                  !request.header("Idempotency-Key").empty());
            return kind;
        };
        parts.local = [this](http::Request request, http::Responder respond) {
            ++answered_here;
            http::Response response;
            response.status = local_status.load();
            response.outcome = local_outcome.load();
            response.body = "here " + request.path;
            if (after_local) after_local();
            respond(std::move(response));
        };
        parts.call = [this](std::uint64_t to, std::uint16_t kind, std::string body, std::uint64_t timeout_ms,
                            peer::CallDone done) {
            EXPECT_EQ(kind, call_kind::forward);
            asked.push_back(to);
            last_request = *decode_request(body);
            last_timeout_ms = timeout_ms;
            if (during_call) during_call();
            if (to == silent.load()) return unanswered.push_back(std::move(done));
            Result<std::string> answer = fail(ErrorCode::internal, "no answer planned");
            if (!answers.empty()) {
                answer = std::move(answers.front());
                answers.pop_front();
            }
            done(std::move(answer));
        };
        parts.node_no = 2;
        parts.may_answer_reads = [this] { return staleness.load() <= 5'000; };
        parts.clock = &clock;
        parts.metrics = &metrics;
        router = std::make_unique<Router>(std::move(parts));
    }

    static Result<std::string> leaders(int status, std::string body = "leader", std::uint32_t outcome = 0) {
        http::Response response;
        response.status = status;
        response.outcome = outcome;
        response.body = std::move(body);
        return encode_response(std::move(response));
    }
    static std::string header_of(const http::Response& response, std::string_view name) {
        for (const http::Header& header : response.headers)
            if (header.name == name) return header.value;
        return "";
    }
    static Result<std::string> broken(ErrorCode code) { return fail(code, "broken"); }

    http::Response ask(const std::string& method, std::vector<http::Header> headers = {},
                       const std::string& path = "/v1/x") {
        http::Request request;
        request.method = method;
        request.path = path;
        request.headers = std::move(headers);
        request.body = "body";
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<http::Response> got;
        router->handle(std::move(request), [&](http::Response response) {
            const std::lock_guard lock(mutex);
            EXPECT_FALSE(got.has_value()) << "answered twice";
            got = std::move(response);
            changed.notify_one();
        });
        std::unique_lock lock(mutex);
        // The clock of the test goes on while it waits.
        while (!got &&
               !changed.wait_for(lock, std::chrono::milliseconds(20), [&] { return got.has_value(); })) {
            clock.pass(100);
            if (const auto event = std::exchange(after_100_ms, nullptr)) event();
        }
        if (answering.joinable()) answering.join();
        return *std::move(got);
    }

    std::atomic<bool> leads{false};
    std::atomic<std::uint64_t> leader{1}, staleness{10}, applied{100};
    std::atomic<int> local_status{200}, answered_here{0};
    std::atomic<std::uint32_t> local_outcome{0};
    std::function<void()> after_local, after_100_ms, during_call;
    std::thread answering;
    std::vector<std::uint64_t> asked;
    std::deque<Result<std::string>> answers;
    std::atomic<std::uint64_t> silent{0};  // this node takes requests and does not answer
    std::vector<peer::CallDone> unanswered;
    http::Request last_request;
    std::uint64_t last_timeout_ms = 0;
    kontor_test::HandClock clock;
    telemetry::Registry metrics;
    std::unique_ptr<Router> router;
};

inline const http::Header kKey{"Idempotency-Key", "k1"};

}  // namespace kontor::cluster::testing

// The load loop against a server that is a few lines of this file: what counts as latency, as success, as
// failure.

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <thread>

#include "bench_load.h"
#include "support/environment.h"

namespace kontor::app {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

// Answers in the order of sending, each `service_ns` after the one before (a server with one thread), and not
// at all while it stalls.
class FakeServer final : public http::LoadClient {
 public:
    explicit FakeServer(std::size_t connections, std::uint64_t service_ns)
        : out_(connections), service_ns_(service_ns) {}
    void stall(std::uint64_t from_ns, std::uint64_t to_ns) {
        stall_from_ns_ = from_ns;
        stall_to_ns_ = to_ns;
    }
    int status = 200;

    std::string& buffer(std::size_t connection) override { return out_[connection]; }
    void send(std::size_t connection) override {
        out_[connection].clear();
        const std::uint64_t now = steady_ns();
        free_at_ns_ = std::max(free_at_ns_, now) + service_ns_;
        if (free_at_ns_ > stall_from_ns_ && free_at_ns_ < stall_to_ns_) free_at_ns_ = stall_to_ns_;
        waiting_.emplace_back(free_at_ns_, connection);
    }
    void poll(std::uint64_t timeout_us, http::LoadHandler& handler) override {
        const std::uint64_t now = steady_ns();
        std::uint64_t until = now + timeout_us * 1000;
        if (!waiting_.empty()) until = std::min(until, waiting_.front().first);
        if (until > now) std::this_thread::sleep_for(std::chrono::nanoseconds(until - now));
        while (!waiting_.empty() && waiting_.front().first <= steady_ns()) {
            const std::size_t connection = waiting_.front().second;
            waiting_.pop_front();
            handler.on_answer(connection, {status, "body", status == 0 ? "broken" : ""});
        }
    }

 private:
    std::vector<std::string> out_;
    std::uint64_t service_ns_, free_at_ns_ = 0, stall_from_ns_ = 0, stall_to_ns_ = 0;
    std::deque<std::pair<std::uint64_t, std::size_t>> waiting_;
};

class CountingSource final : public Source {
 public:
    unsigned next(std::size_t, std::string& out) override {
        out += "request";
        return 0;
    }
    std::uint64_t judge(std::size_t, unsigned, const http::LoadAnswer& answer, ErrorCounts& errors) override {
        return answered_ok(answer, 10, errors) ? 10 : 0;
    }
};

struct LoadRun {
    LoadPlan plan;
    LoadProgress progress;
    std::unique_ptr<FakeServer> server;
    std::uint64_t start_ns = steady_ns();

    LoadRun(std::size_t connections, std::uint64_t service_ns, std::uint64_t warmup_ms,
            std::uint64_t duration_ms, std::uint64_t rate = 0)
        : server(std::make_unique<FakeServer>(connections, service_ns)), connections_(connections) {
        plan.measure_from_ns = start_ns + warmup_ms * kMs;
        plan.end_ns = plan.measure_from_ns + duration_ms * kMs;
        if (rate != 0) plan.schedule.emplace(start_ns, rate);
    }
    LoadResult run() {
        return LoadWorker(std::move(server), std::make_unique<CountingSource>(), connections_, 1, plan,
                          progress)
            .run();
    }

 private:
    std::size_t connections_;
};

std::uint64_t errors_of(const LoadResult& result) {
    std::uint64_t sum = 0;
    for (const auto& [what, count] : result.errors) sum += count;
    return sum;
}

TEST(LoadWorker, ClosedLoopCountsWhatIsAnsweredInside) {
    LoadRun run(4, kMs, 100, 300);
    const LoadResult result = run.run();
    // A request a millisecond at most; a slow machine may do fewer.
    const std::uint64_t requests = result.kinds[0].latency.count();
    EXPECT_LE(requests, 301U);
    EXPECT_GE(requests, 4U);
    EXPECT_EQ(result.kinds[0].operations, requests * 10);
    EXPECT_EQ(errors_of(result), 0U);
    // Four connections take turns: each waits for three others and itself.
    EXPECT_GE(result.kinds[0].latency.percentile_ns(50), 3 * kMs);
}

TEST(LoadWorker, OpenLoopSendsWhatWasIntendedAndNoMore) {
    LoadRun run(8, kMs / 10, 100, 400, 500);
    const LoadResult result = run.run();
    EXPECT_EQ(result.kinds[0].latency.count(), 200U);
    EXPECT_EQ(errors_of(result), 0U);
}

// The reason for open loops: a stall of 200 ms with one connection is one slow request to a closed loop, and
// to an open one it is all the requests that should have been sent meanwhile.
TEST(LoadWorker, OpenLoopCountsLatencyFromTheIntendedTime) {
    LoadRun open(1, kMs / 10, 0, 500, 1000);
    open.server->stall(open.start_ns + 100 * kMs, open.start_ns + 300 * kMs);
    const LoadResult opened = open.run();
    ASSERT_EQ(opened.kinds[0].latency.count(), 500U);
    EXPECT_GE(opened.kinds[0].latency.percentile_ns(80), 50 * kMs);
    EXPECT_GE(opened.kinds[0].latency.max_ns(), 180 * kMs);
    EXPECT_GE(opened.most_behind, 150U);

    LoadRun closed(1, kMs, 0, 500);
    closed.server->stall(closed.start_ns + 100 * kMs, closed.start_ns + 300 * kMs);
    const LoadResult stalled = closed.run();
    EXPECT_LT(stalled.kinds[0].latency.percentile_ns(80), 50 * kMs) << "a closed loop hides the stall";
}

TEST(LoadWorker, WorkersShareASchedule) {
    std::uint64_t requests = 0;
    for (unsigned worker = 0; worker < 3; ++worker) {
        LoadRun run(4, kMs / 10, 0, 200, 500);
        run.plan.worker = worker;
        run.plan.workers = 3;
        requests += run.run().kinds[0].latency.count();
    }
    EXPECT_EQ(requests, 100U);
}

TEST(LoadWorker, RefusalsAreCountedByKindAndPausedAfter) {
    for (const auto& [status, what] : {std::pair{429, "status 429"}, {0, "transport: broken"}}) {
        LoadRun run(1, kMs / 10, 0, 300);
        run.server->status = status;
        const LoadResult result = run.run();
        EXPECT_EQ(result.kinds[0].operations, 0U);
        ASSERT_EQ(result.errors.size(), 1U);
        EXPECT_EQ(result.errors.begin()->first, what);
        // 20 ms pause each: without it there would be 3,000.
        EXPECT_LE(result.kinds[0].latency.count(), 16U);
        EXPECT_EQ(result.errors.begin()->second, result.kinds[0].latency.count() * 10);
    }
}

TEST(LoadWorker, StopEndsItAtOnce) {
    LoadRun run(2, kMs, 0, 60'000);
    run.progress.stop = true;
    const std::uint64_t before = steady_ns();
    (void)run.run();
    EXPECT_LT(steady_ns() - before, kontor_test::patient_ms(5'000) * kMs) << "the run has a minute";
}

TEST(LoadResult, MergeAddsUp) {
    LoadResult left, right;
    right.kinds.resize(2);
    right.kinds[1].operations = 5;
    right.kinds[1].latency.record(7);
    right.errors["status 500"] = 2;
    right.most_behind = 9;
    left.errors["status 500"] = 1;
    left.merge(right);
    left.merge(right);
    EXPECT_EQ(left.kinds[1].operations, 10U);
    EXPECT_EQ(left.kinds[1].latency.count(), 2U);
    EXPECT_EQ(left.errors["status 500"], 5U);
    EXPECT_EQ(left.most_behind, 9U);
}

}  // namespace
}  // namespace kontor::app

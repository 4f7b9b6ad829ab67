#pragma once
// The load loop of one generator thread.
//
// Closed loop: every connection sends again as soon as its answer is there; latency counts from sending. Open
// loop: requests are meant to be sent at fixed times, whatever the server does; latency counts from these
// times, also for requests that had to wait for a free connection.
//
// Threading: a LoadWorker belongs to one thread; LoadProgress is shared. Errors: counted, never raised.
// Limits: after the end, answers are awaited kDrainNs at most; what has none then is counted as "unanswered".

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "bench_histogram.h"
#include "bench_scenario.h"
#include "bench_schedule.h"

namespace kontor::app {

inline constexpr std::uint64_t kDrainNs = 10'000'000'000;
inline constexpr std::uint64_t kRefusedPauseNs =
    20'000'000;  // closed loop: after 429, 503 or a broken connection

[[nodiscard]] std::uint64_t steady_ns();

struct LoadPlan {
    std::uint64_t measure_from_ns = 0, end_ns = 0;  // before: warm-up
    std::optional<OpenLoopSchedule> schedule;       // for all threads together
    unsigned worker = 0, workers = 1;  // this one's requests of the schedule: worker, worker + workers, …
};

struct LoadProgress {
    std::atomic<std::uint64_t> operations{0}, failed{0};
    std::atomic<bool> stop{false};  // ends the run early
};

struct KindResult {
    LatencyHistogram latency;  // of requests, failed ones included
    std::uint64_t operations = 0;
};

struct LoadResult {
    std::vector<KindResult> kinds;
    ErrorCounts errors;
    std::uint64_t most_behind = 0;  // open loop: requests that were due and waited for a connection
    void merge(const LoadResult& other);
};

class LoadWorker final : public http::LoadHandler {
 public:
    LoadWorker(std::unique_ptr<http::LoadClient> client, std::unique_ptr<Source> source,
               std::size_t connections, std::size_t kinds, const LoadPlan& plan, LoadProgress& progress);
    [[nodiscard]] LoadResult run();
    void on_answer(std::size_t connection, const http::LoadAnswer& answer) override;

 private:
    struct Sent {
        std::uint64_t from_ns = 0;  // latency counts from here
        unsigned kind = 0;
        bool busy = false;
    };
    void send(std::size_t connection, std::uint64_t from_ns);
    void send_due(std::uint64_t now);
    void wake_paused(std::uint64_t now);
    [[nodiscard]] std::uint64_t next_event_us(std::uint64_t now) const;
    void count_unanswered();

    std::unique_ptr<http::LoadClient> client_;
    std::unique_ptr<Source> source_;
    const LoadPlan plan_;
    LoadProgress& progress_;
    LoadResult result_;
    std::vector<Sent> sent_;
    std::deque<std::size_t> free_;                              // open loop
    std::deque<std::pair<std::uint64_t, std::size_t>> paused_;  // closed loop: until when, connection
    std::size_t busy_ = 0;
    std::uint64_t next_request_ = 0, end_request_ = 0;  // open loop
    ErrorCounts warmup_errors_;
};

}  // namespace kontor::app

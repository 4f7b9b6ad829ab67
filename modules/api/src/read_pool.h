#pragma once
// Threads for reads that look at many rows, so that no network thread walks lists while payments wait behind
// it. Merchants take turns: whoever asks for many waits behind himself.
//
// Threading: run() from any thread. Errors: false when there is no place; jobs do not throw.
// Limits: kReadsWaiting jobs in all, kReadsPerMerchant of one merchant and mode. stop() finishes the reads
// under way and forgets the others (their responders answer 500).

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "kontor/base/fair_queue.h"
#include "kontor/machine/rows.h"

namespace kontor::api {

inline constexpr std::size_t kReadsWaiting = 512;
inline constexpr std::size_t kReadsPerMerchant = 64;

class ReadPool {
 public:
    explicit ReadPool(unsigned threads);
    ~ReadPool();

    struct Job {
        std::function<void()> run, dropped;  // dropped: gave its place to a merchant with fewer
    };
    [[nodiscard]] bool run(machine::Scope scope, Job job);
    void stop();

 private:
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    FairQueue<Job> waiting_{kReadsWaiting, kReadsPerMerchant};  // guarded by mutex_
    bool stopping_ = false;                                     // guarded by mutex_
    std::vector<std::thread> threads_;
};

}  // namespace kontor::api

#pragma once
// Threads for what must not run on a network thread: reports (SQLite, long reads).
//
// Threading: run() anywhere; jobs in the order of arrival. Errors: a job that throws is logged. Limits:
// `max_waiting` jobs wait; stop() finishes the jobs under way and drops those that wait (their callers'
// responders answer 500).

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kontor::admin {

class Workers {
 public:
    Workers(unsigned threads, std::size_t max_waiting);
    ~Workers();
    [[nodiscard]] bool run(std::function<void()> job);  // false: the queue is full
    void stop();

 private:
    void work();

    const std::size_t max_waiting_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;  // guarded by mutex_
    bool stopping_ = false;                   // guarded by mutex_
    std::vector<std::thread> threads_;
};

}  // namespace kontor::admin

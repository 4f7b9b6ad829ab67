#pragma once
// A few threads for what must run neither on a network thread nor on one of the node's: requests that are
// decoded for another node, requests tried again after a moment, reading the state's files.
//
// Threading: any. Errors: a task that throws is logged. Limits: `max_waiting` tasks; post() is false above.
// After stop() tasks that wait are destroyed without being run.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace kontor::cluster {

class Tasks {
 public:
    using Task = std::function<void()>;
    Tasks(const char* name, unsigned threads, std::size_t max_waiting);
    ~Tasks();
    Tasks(const Tasks&) = delete;
    Tasks& operator=(const Tasks&) = delete;

    [[nodiscard]] bool post(Task task, std::uint64_t after_ms = 0);
    void stop();

 private:
    void run();

    const std::size_t max_waiting_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::multimap<std::int64_t, Task> waiting_;  // guarded by mutex_; by due time of the steady clock, in us
    bool stopping_ = false;                      // guarded by mutex_
    std::vector<std::thread> threads_;
};

}  // namespace kontor::cluster

#pragma once
// A thread for work that nobody waits for, at the lowest priority: whoever serves requests goes first.
//
// Why a thread that only calculates: one that is interrupted while it holds a lock holds up who waits for it,
// and at this priority for long. So its owner, a thread of usual priority, takes locks and hands out; what is
// run here takes none that a request may wait for, and frees nothing that another thread allocated.
//
// Beside another program that takes all of the processor, the lowest priority (SCHED_IDLE) gets a three
// hundredth of it. So who has to wait after all says hurry(). The kernel lets a thread out of the lowest
// priority only with the limit RLIMIT_NICE (ulimit -e 20, LimitNICE=) or for root; without it, work runs at a
// low usual priority from the beginning: it takes a little from those who serve, and is never starved.
//
// Threading: start() and wait() on one thread, in turns; hurry() on any. Ownership: the destructor waits for
// what runs. What is run must not throw.

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace kontor {

class BackgroundWorker {
 public:
    explicit BackgroundWorker(const char* name);  // of the thread, at most 15 characters
    ~BackgroundWorker();
    BackgroundWorker(const BackgroundWorker&) = delete;
    BackgroundWorker& operator=(const BackgroundWorker&) = delete;

    void start(std::function<void()> work);  // wait() comes before the next one
    void wait();
    [[nodiscard]] bool wait_for_ms(std::uint64_t ms);  // false: it still works
    // What runs now goes on at the usual priority.
    void hurry();

 private:
    void loop(const char* name);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> work_;  // guarded by mutex_; empty: nothing to do
    bool busy_ = false;           // guarded by mutex_
    bool stopping_ = false;       // guarded by mutex_
    bool hurried_ = false;        // guarded by mutex_: the thread has the usual priority
    pid_t thread_id_ = 0;         // guarded by mutex_; 0: not begun
    std::thread thread_;          // last: it uses the rest
};

}  // namespace kontor

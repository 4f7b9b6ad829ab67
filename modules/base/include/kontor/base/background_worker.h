#pragma once
// A thread for work that nobody waits for, at the lowest priority: whoever serves requests goes first.
//
// Why a thread that only calculates: one that is interrupted while it holds a lock holds up who waits for it,
// and at this priority for long. So its owner, a thread of usual priority, takes locks and hands out; what is
// run here takes none that a request may wait for, and frees nothing that another thread allocated.
//
// Threading: start() and wait() on one thread, in turns. Ownership: the destructor waits for what runs.
// Errors: where the priority cannot be set the work runs at the usual one. What is run must not throw.

#include <condition_variable>
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
    void run(std::function<void()> work) {
        start(std::move(work));
        wait();
    }

 private:
    void loop(const char* name);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> work_;  // guarded by mutex_; empty: nothing to do
    bool busy_ = false;           // guarded by mutex_
    bool stopping_ = false;       // guarded by mutex_
    std::thread thread_;          // last: it uses the rest
};

}  // namespace kontor

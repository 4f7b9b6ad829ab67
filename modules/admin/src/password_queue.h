#pragma once
// The one thread that computes argon2id. Addresses take turns, so that whoever sends many waits behind
// himself; known browsers, open sessions and set-up links go before all strangers; and while strangers queue,
// the thread rests as long as it worked, so that they get half a core at most.
//
// Threading: run() anywhere. Errors: false when there is no place; a job that throws is logged.
// Limits: limits::kPasswordQueue jobs in all, kPasswordQueuePerAddress of one address; when all places are
// taken, the newest job of the address with the most gives way to one with fewer (`dropped` is called).
// stop() finishes the job under way and forgets the others (their callers' responders answer 500).

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "kontor/admin/limits.h"
#include "kontor/base/clock.h"
#include "kontor/base/fair_queue.h"

namespace kontor::admin {

class PasswordQueue {
 public:
    struct Job {
        std::function<void()> run, dropped;
    };
    explicit PasswordQueue(const Clock& clock);
    ~PasswordQueue();

    [[nodiscard]] bool run(const std::string& address, bool trusted, Job job);
    void stop();

 private:
    void work();

    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> trusted_;  // guarded by mutex_, as all below
    FairQueue<Job> strangers_{limits::kPasswordQueue, limits::kPasswordQueuePerAddress};  // by address
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace kontor::admin

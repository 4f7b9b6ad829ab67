#include "kontor/base/background_worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "kontor/base/assert.h"

namespace kontor {
namespace {

constexpr int kLowestPriority = 19;

// Linux has priorities of threads, whatever POSIX says. Nobody may raise his own again without a privilege.
void lower_priority_of_this_thread() {
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_IDLE, &none);
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowestPriority);
}

}  // namespace

BackgroundWorker::BackgroundWorker(const char* name) : thread_([this, name] { loop(name); }) {}

BackgroundWorker::~BackgroundWorker() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void BackgroundWorker::start(std::function<void()> work) {
    {
        const std::scoped_lock lock(mutex_);
        KONTOR_ASSERT(!busy_, "the worker is at work");
        work_ = std::move(work);
        busy_ = true;
    }
    changed_.notify_all();
}

void BackgroundWorker::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !busy_; });
}

void BackgroundWorker::loop(const char* name) {
    pthread_setname_np(pthread_self(), name);
    lower_priority_of_this_thread();
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return work_ != nullptr || stopping_; });
        if (work_ == nullptr) return;
        const std::function<void()> work = std::exchange(work_, nullptr);
        lock.unlock();
        work();
        lock.lock();
        busy_ = false;
        changed_.notify_all();
    }
}

}  // namespace kontor

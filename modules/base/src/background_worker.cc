#include "kontor/base/background_worker.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "kontor/base/assert.h"

namespace kontor {
namespace {

constexpr int kLowPriority = 10;  // a tenth of a processor that somebody else wants

// Linux has priorities of threads, whatever POSIX says.
bool set_policy(pid_t thread, int policy) {
    const sched_param none{};
    return ::sched_setscheduler(thread, policy, &none) == 0;
}

bool can_come_back() {
    static const bool can = [] {
        bool did = false;
        std::thread([&did] { did = set_policy(0, SCHED_IDLE) && set_policy(0, SCHED_OTHER); }).join();
        return did;
    }();
    return can;
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

bool BackgroundWorker::wait_for_ms(std::uint64_t ms) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return !busy_; });
}

void BackgroundWorker::hurry() {
    const std::scoped_lock lock(mutex_);
    if (!busy_ || hurried_ || thread_id_ == 0 || !can_come_back()) return;
    hurried_ = set_policy(thread_id_, SCHED_OTHER);
}

void BackgroundWorker::loop(const char* name) {
    pthread_setname_np(pthread_self(), name);
    const bool is_idle = can_come_back() && set_policy(0, SCHED_IDLE);
    if (!is_idle) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowPriority);
    std::unique_lock lock(mutex_);
    if (is_idle) thread_id_ = ::gettid();
    while (true) {
        changed_.wait(lock, [this] { return work_ != nullptr || stopping_; });
        if (work_ == nullptr) return;
        const std::function<void()> work = std::exchange(work_, nullptr);
        lock.unlock();
        work();
        lock.lock();
        busy_ = false;
        if (std::exchange(hurried_, false)) set_policy(0, SCHED_IDLE);
        changed_.notify_all();
    }
}

}  // namespace kontor

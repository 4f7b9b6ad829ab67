#include "tasks.h"

#include <pthread.h>

#include <chrono>

#include "kontor/base/log.h"

namespace kontor::cluster {
namespace {

// Only the distance of two moments counts, so this needs no injected clock.
std::int64_t steady_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Tasks::Tasks(const char* name, unsigned threads, std::size_t max_waiting) : max_waiting_(max_waiting) {
    for (unsigned i = 0; i < threads; ++i) {
        threads_.emplace_back([this, name] {
            pthread_setname_np(pthread_self(), name);
            run();
        });
    }
}

Tasks::~Tasks() {
    stop();
}

bool Tasks::post(Task task, std::uint64_t after_ms) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || waiting_.size() >= max_waiting_) return false;
        const std::int64_t due = after_ms == 0 ? 0 : steady_us() + static_cast<std::int64_t>(after_ms) * 1000;
        waiting_.emplace(due, std::move(task));
    }
    changed_.notify_one();
    return true;
}

void Tasks::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (stopping_) return;
        if (waiting_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const std::int64_t due = waiting_.begin()->first;
        if (due != 0) {
            const std::int64_t now = steady_us();
            if (due > now) {
                changed_.wait_for(lock, std::chrono::microseconds(due - now));
                continue;
            }
        }
        Task task = std::move(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
        lock.unlock();
        try {
            task();
        } catch (const std::exception& e) {
            log::error("cluster", std::string("a task failed: ") + e.what());
        }
        task = nullptr;  // what it holds goes outside of the lock
        lock.lock();
    }
}

void Tasks::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
    std::multimap<std::int64_t, Task> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(waiting_);
}

}  // namespace kontor::cluster

#include "read_pool.h"

#include <optional>
#include <utility>

#include "kontor/base/bytes.h"
#include "kontor/machine/rows.h"

namespace kontor::api {

ReadPool::ReadPool(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ReadPool::~ReadPool() {
    stop();
}

void ReadPool::stop() {
    std::vector<Job> forgotten;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        while (auto job = waiting_.pop()) forgotten.push_back(*std::move(job));
    }
    changed_.notify_all();
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
}

bool ReadPool::run(machine::Scope scope, Job job) {
    std::string lane;
    put_be64(lane, scope.merchant_no);
    lane.push_back(scope.livemode ? '\1' : '\0');
    std::optional<Job> victim;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || !waiting_.push(lane, std::move(job), victim)) return false;
    }
    changed_.notify_one();
    if (victim) victim->dropped();
    return true;
}

void ReadPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        std::optional<Job> job = waiting_.pop();
        lock.unlock();
        job->run();
        job.reset();  // what it holds goes outside of the lock
        lock.lock();
    }
}

}  // namespace kontor::api

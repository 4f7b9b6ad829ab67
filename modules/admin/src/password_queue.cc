#include "password_queue.h"

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "kontor/base/log.h"

namespace kontor::admin {

PasswordQueue::PasswordQueue(const Clock& clock) : clock_(clock), thread_([this] { work(); }) {}

PasswordQueue::~PasswordQueue() {
    stop();
}

void PasswordQueue::stop() {
    std::deque<Job> trusted;
    std::deque<Job> strangers;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        trusted.swap(trusted_);
        while (auto job = strangers_.pop()) strangers.push_back(*std::move(job));
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool PasswordQueue::run(const std::string& address, bool trusted, Job job) {
    std::optional<Job> victim;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return false;
        if (trusted) {
            if (trusted_.size() >= limits::kPasswordQueue) return false;
            trusted_.push_back(std::move(job));
        } else if (!strangers_.push(address, std::move(job), victim)) {
            return false;
        }
    }
    changed_.notify_one();
    if (victim && victim->dropped) victim->dropped();
    return true;
}

void PasswordQueue::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !trusted_.empty() || !strangers_.empty(); });
        if (stopping_) return;
        const bool trusted = !trusted_.empty();
        Job job;
        if (trusted) {
            job = std::move(trusted_.front());
            trusted_.pop_front();
        } else {
            job = *strangers_.pop();
        }
        lock.unlock();
        const std::uint64_t began_ms = clock_.monotonic_ms();
        try {
            job.run();
        } catch (const std::exception& e) {
            log::error("admin", e.what());
        }
        job = {};  // what it holds goes outside of the lock
        const std::chrono::milliseconds rest(clock_.monotonic_ms() - began_ms);
        lock.lock();
        if (!trusted) changed_.wait_for(lock, rest, [this] { return stopping_ || !trusted_.empty(); });
    }
}

}  // namespace kontor::admin

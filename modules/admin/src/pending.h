#pragma once
// Counts the commands whose answer is still to come, so that their owner outlives the callbacks that hold it.
//
// Threading: any. The node answers every command once, so wait() ends.

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace kontor::admin {

class Pending {
 public:
    void begin() {
        const std::lock_guard lock(mutex_);
        ++count_;
    }
    void end() {
        const std::lock_guard lock(mutex_);
        --count_;
        changed_.notify_all();  // under the lock: the waiter may destroy us right after
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return count_ == 0; });
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;  // guarded by mutex_
};

}  // namespace kontor::admin

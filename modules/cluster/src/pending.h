#pragma once
// An answer that another thread gives, and one that waits for it but not for ever: the answer may also come
// when nobody waits any more.
//
// Threading: any. Ownership: shared by who waits and who answers. Only the first answer counts.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace kontor::cluster {

template <typename Answer>
class Pending {
 public:
    void set(Answer answer) {
        const std::lock_guard lock(mutex_);
        if (!answer_) answer_ = std::move(answer);
        changed_.notify_all();
    }
    // Nothing: it did not come in this time, or `gives_up` (null: never) said so, which is asked now and
    // then.
    [[nodiscard]] std::optional<Answer> wait(std::optional<std::uint64_t> within_ms,
                                             const std::function<bool()>& gives_up = {}) {
        using Clock = std::chrono::steady_clock;
        const auto began = Clock::now();
        std::unique_lock lock(mutex_);
        while (!answer_ && !(gives_up && gives_up())) {
            if (within_ms && Clock::now() - began >= std::chrono::milliseconds(*within_ms)) break;
            changed_.wait_for(lock, kLook);
        }
        return std::exchange(answer_, std::nullopt);
    }

 private:
    static constexpr auto kLook = std::chrono::milliseconds(20);
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Answer> answer_;  // guarded by mutex_
};

}  // namespace kontor::cluster

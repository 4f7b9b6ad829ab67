#pragma once
// What comes back to the worker from other threads: answers of channels and receivers, and what the node said
// to a result. Callbacks put it here and go; those that come after close() find the door shut and touch
// nothing of the worker, so that stop() need not wait for a slow receiver.
//
// Answers and the node's words lie behind locks of their own: the client's threads have a low priority, and
// one that is interrupted while it holds a lock must not hold up a thread of the node.
//
// Threading: every function may be called on any thread. Limits: what the worker began, each once.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connectors/connector.h"

namespace kontor::outbox {

struct Came {
    std::uint64_t no = 0;                      // attempt or delivery
    std::optional<connectors::Answer> answer;  // of a channel; nothing: it has no such order
    int http_status = 0;                       // 0: no answer, and `error` says why
    std::string error;
    bool is_put_off = false;  // this machine could not try
};
struct Settled {
    std::uint64_t no = 0;
    bool accepted = false;
};

class Mailbox {
 public:
    static constexpr std::size_t kWakeForDeliveries =
        8;  // fewer are found when the worker looks the next time

    // --- anybody ---
    void wake();
    void stop();   // wait() answers false from now on
    void close();  // what comes later is dropped
    void came(Came&& one, bool is_urgent);
    void settled(Settled one);

    // --- the worker's thread ---
    // Waits for something to do, at most `poll_ms`. False: stopping.
    [[nodiscard]] bool wait(std::uint64_t poll_ms);
    // The last wait() ended because of wake() or an urgent answer, not of time.
    [[nodiscard]] bool was_woken() const { return was_woken_; }
    // After stop(): for mail, at most `slice_ms`.
    void wait_for_last(std::uint64_t slice_ms);
    [[nodiscard]] std::vector<Came> take_answers();
    [[nodiscard]] std::vector<Settled> take_settled();

 private:
    std::mutex wake_mutex_;
    std::condition_variable changed_;
    bool awake_ = true, stopping_ = false;  // guarded by wake_mutex_
    bool was_woken_ = true;                 // the worker's

    std::mutex answers_mutex_;
    std::vector<Came> answers_;    // guarded by answers_mutex_
    bool answers_closed_ = false;  // guarded by answers_mutex_

    std::mutex settled_mutex_;
    std::vector<Settled> settled_;  // guarded by settled_mutex_
    bool settled_closed_ = false;   // guarded by settled_mutex_
};

}  // namespace kontor::outbox

#pragma once
// What the worker has under way, and what came back. Shared with the callbacks of its calls: those that come
// after close() find the door shut and touch nothing of the worker, so that stop() need not wait for a slow
// receiver.
//
// Threading: every function locks. `make` of came_back() runs under the lock: keep it short.
// Limits: InFlight::Limits. An intention that is claimed stays so until its result was accepted by the node.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "kontor/base/clock.h"
#include "kontor/commands.pb.h"

namespace kontor::outbox {

class InFlight {
 public:
    using Results = std::deque<pb::Command>;
    struct Limits {
        std::size_t deliveries = 0, per_endpoint = 0, channel_calls = 0;
    };
    InFlight(Limits limits, const Clock& clock) : limits_(limits), clock_(clock) {}

    // --- anybody ---
    void wake();
    void stop();  // wait() answers nullopt from now on

    // --- the worker's thread ---
    // Waits for something to do, at most `poll_ms`; results to propose, nullopt: stopping.
    [[nodiscard]] std::optional<Results> wait(std::uint64_t poll_ms);
    // After stop(): waits for at most `slice_ms` for results of calls that still end. False: nothing is under
    // way.
    [[nodiscard]] bool wait_for_last(std::uint64_t slice_ms, Results& results);
    [[nodiscard]] bool has_room_for_delivery() const;
    [[nodiscard]] bool is_claimed(std::uint64_t no) const;
    // `endpoint_no` 0: a channel attempt. False: it is under way, or a limit is reached.
    [[nodiscard]] bool claim(std::uint64_t no, std::uint64_t endpoint_no);
    void release(std::uint64_t no);
    void call_begins();
    void close();  // what comes back later is dropped

    // --- callbacks, once for each call_begins() ---
    template <typename Make>
    void came_back(Make make) {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        results_.push_back(make());
        --outstanding_;
        changed_.notify_all();
    }
    // The node took the result about `no`, or did not: then it is proposed again.
    void proposed(std::uint64_t no, bool accepted, pb::Command&& result);

 private:
    [[nodiscard]] Results take_locked();
    void release_locked(std::uint64_t no);

    const Limits limits_;
    const Clock& clock_;  // not after close()
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_.
    bool stopping_ = false, closed_ = false;
    bool work_ = true;
    Results results_;
    std::deque<std::pair<std::uint64_t, pb::Command>> later_;  // refused by the node: (when, what)
    std::map<std::uint64_t, std::uint64_t> claimed_;           // attempt or delivery -> endpoint (0: attempt)
    std::map<std::uint64_t, std::size_t> per_endpoint_;
    std::size_t channel_calls_ = 0, deliveries_ = 0;
    std::size_t outstanding_ = 0;  // callbacks that will still come
};

}  // namespace kontor::outbox

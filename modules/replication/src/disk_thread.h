#pragma once
// The thread that writes the log. Everything that is queued when it comes round is written together and made
// durable by one fdatasync: group commit. Who is alone may write on its own thread instead: append_here().
//
// Threading: stop anywhere, post_* and append_here on one thread; callbacks run on whichever writes.
// Errors: the first failure is reported once and nothing after it: nothing more is written or reported.
// Limits: the queue is bounded by the replica's window of entries that are not yet persisted.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "driver.h"
#include "log.h"

namespace kontor::replication {

class DiskThread {
 public:
    struct Callbacks {
        std::function<void(std::uint64_t ticket)> persisted;  // this and all earlier tickets are durable
        std::function<void(Error)> failed;
        std::function<void(std::uint64_t us)> written;  // how long entries took to write and sync
    };
    DiskThread(Log& log, const Clock& clock, Callbacks callbacks)
        : log_(log), clock_(clock), callbacks_(std::move(callbacks)) {}
    ~DiskThread() { stop(); }

    void start() {
        thread_ = std::thread([this] { run(); });
    }
    void stop();  // finishes what is queued, then joins
    void post_append(AppendAction append);
    // Does it on the caller's thread and reports it there; false: the thread has something to do.
    [[nodiscard]] bool append_here(const AppendAction& append);
    void post_drop_prefix(std::uint64_t keep_from);

 private:
    void run();
    Result<void> work(std::span<const AppendAction> appends, std::uint64_t keep_from);

    Log& log_;
    const Clock& clock_;
    const Callbacks callbacks_;
    std::thread thread_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    std::vector<AppendAction> appends_;
    std::uint64_t keep_from_ = 0;
    bool stopping_ = false;
    bool is_busy_ = false;  // the log is in use
};

}  // namespace kontor::replication

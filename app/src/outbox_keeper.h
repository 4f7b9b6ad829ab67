#pragma once
// Runs the outbox worker while this node leads. Starting and stopping one takes a while (calls under way get
// their results proposed), so it happens on a thread of its own.
//
// Threading: want() anywhere and never blocks; start() and stop() once, on the owner's thread.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "kontor/outbox/worker.h"

namespace kontor::app {

class OutboxKeeper {
 public:
    using Make = std::function<std::unique_ptr<outbox::Worker>()>;
    ~OutboxKeeper() { stop(); }

    void start(Make make);
    void want(bool runs);
    void stop();

 private:
    void run();

    Make make_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_wanted_ = false, is_stopping_ = false;  // guarded by mutex_
    std::thread thread_;
};

}  // namespace kontor::app

#include "outbox_keeper.h"

#include <pthread.h>

namespace kontor::app {

void OutboxKeeper::start(Make make) {
    make_ = std::move(make);
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "outbox-keeper");
        run();
    });
}

void OutboxKeeper::want(bool runs) {
    const std::lock_guard lock(mutex_);
    is_wanted_ = runs;
    changed_.notify_one();
}

void OutboxKeeper::run() {
    std::unique_ptr<outbox::Worker> worker;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return is_stopping_ || is_wanted_ != (worker != nullptr); });
        const bool runs = is_wanted_ && !is_stopping_;
        const bool is_over = is_stopping_;
        lock.unlock();
        if (runs && worker == nullptr) {
            worker = make_();
        } else if (!runs && worker != nullptr) {
            worker->stop();
            worker.reset();
        }
        if (is_over) return;
        lock.lock();
    }
}

void OutboxKeeper::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

}  // namespace kontor::app

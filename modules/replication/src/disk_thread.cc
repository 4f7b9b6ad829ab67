#include "disk_thread.h"

#include <pthread.h>

#include <algorithm>

namespace kontor::replication {

void DiskThread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void DiskThread::post_append(AppendAction append) {
    {
        const std::lock_guard lock(mutex_);
        appends_.push_back(std::move(append));
    }
    wake_.notify_one();
}

bool DiskThread::append_here(const AppendAction& append) {
    {
        const std::lock_guard lock(mutex_);
        if (is_busy_ || !appends_.empty() || keep_from_ != 0) return false;
        is_busy_ = true;
    }
    if (auto done = work({&append, 1}, 0); !done) {
        callbacks_.failed(done.error());
        return true;
    }
    const std::lock_guard lock(mutex_);
    is_busy_ = false;
    return true;
}

void DiskThread::post_drop_prefix(std::uint64_t keep_from) {
    {
        const std::lock_guard lock(mutex_);
        keep_from_ = std::max(keep_from_, keep_from);
    }
    wake_.notify_one();
}

void DiskThread::run() {
    pthread_setname_np(pthread_self(), "log-disk");
    for (;;) {
        std::vector<AppendAction> appends;
        std::uint64_t keep_from = 0;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !appends_.empty() || keep_from_ != 0; });
            if (appends_.empty() && keep_from_ == 0) return;
            appends.swap(appends_);
            std::swap(keep_from, keep_from_);
            is_busy_ = true;
        }
        if (auto done = work(appends, keep_from); !done) {
            callbacks_.failed(done.error());
            return;  // busy for ever: nothing more is written
        }
        const std::lock_guard lock(mutex_);
        is_busy_ = false;
    }
}

Result<void> DiskThread::work(std::span<const AppendAction> appends, std::uint64_t keep_from) {
    if (!appends.empty()) {
        const std::uint64_t began_us = clock_.monotonic_us();
        for (const AppendAction& append : appends)
            KONTOR_CHECK(log_.append(append.first_index, append.entries));
        KONTOR_CHECK(log_.sync());
        callbacks_.written(clock_.monotonic_us() - began_us);
        callbacks_.persisted(appends.back().ticket);
    }
    if (keep_from != 0) KONTOR_CHECK(log_.drop_prefix(keep_from));
    return {};
}

}  // namespace kontor::replication

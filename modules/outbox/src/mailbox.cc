#include "mailbox.h"

#include <utility>

namespace kontor::outbox {

void Mailbox::wake() {
    {
        const std::lock_guard lock(wake_mutex_);
        if (awake_) return;
        awake_ = true;
    }
    changed_.notify_all();
}

void Mailbox::stop() {
    {
        const std::lock_guard lock(wake_mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
}

void Mailbox::close() {
    {
        const std::lock_guard lock(answers_mutex_);
        answers_closed_ = true;
    }
    const std::lock_guard lock(settled_mutex_);
    settled_closed_ = true;
}

void Mailbox::came(Came&& one, bool is_urgent) {
    std::size_t waiting = 0;
    {
        const std::lock_guard lock(answers_mutex_);
        if (answers_closed_) return;
        answers_.push_back(std::move(one));
        waiting = answers_.size();
    }
    if (is_urgent || waiting == kWakeForDeliveries) wake();
}

void Mailbox::settled(Settled one) {
    const std::lock_guard lock(settled_mutex_);
    if (!settled_closed_) settled_.push_back(one);
}

bool Mailbox::wait(std::uint64_t poll_ms) {
    std::unique_lock lock(wake_mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(poll_ms), [this] { return awake_ || stopping_; });
    was_woken_ = awake_;
    awake_ = false;
    return !stopping_;
}

void Mailbox::wait_for_last(std::uint64_t slice_ms) {
    std::unique_lock lock(wake_mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(slice_ms), [this] { return awake_; });
    awake_ = false;
}

std::vector<Came> Mailbox::take_answers() {
    const std::lock_guard lock(answers_mutex_);
    return std::exchange(answers_, {});
}

std::vector<Settled> Mailbox::take_settled() {
    const std::lock_guard lock(settled_mutex_);
    return std::exchange(settled_, {});
}

}  // namespace kontor::outbox

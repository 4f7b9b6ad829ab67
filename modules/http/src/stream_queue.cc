#include "stream_queue.h"

#include "kontor/base/release.h"
#include "server_state.h"

namespace kontor::http {

void StreamQueue::wake() {
    if (woken_) return;
    woken_ = true;
    inbox_->push({session_, 0, true, std::nullopt});
}

void StreamQueue::write(std::string_view chunk) {
    if (chunk.empty()) return;  // an empty HTTP chunk would end the body
    const std::lock_guard lock(mutex_);
    if (closed_ || overrun_ || gone_) return;
    if (chunk.size() > kMaxStreamQueueBytes - waiting_.size() - in_flight_bytes_) {
        overrun_ = true;
        waiting_.clear();
        woken_ = false;  // the session may sit in a write and not look at the queue
    } else {
        waiting_.append(chunk);
    }
    wake();
}

void StreamQueue::close() {
    const std::lock_guard lock(mutex_);
    if (closed_ || gone_) return;
    closed_ = true;
    wake();
}

bool StreamQueue::open() const {
    const std::lock_guard lock(mutex_);
    return !closed_ && !overrun_ && !gone_;
}

bool StreamQueue::overrun() const {
    const std::lock_guard lock(mutex_);
    return overrun_;
}

StreamQueue::Next StreamQueue::take(std::string& out) {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    if (overrun_) return Next::cut;
    if (!waiting_.empty()) {
        in_flight_bytes_ = waiting_.size();
        out.swap(waiting_);
        waiting_.clear();
        return Next::bytes;
    }
    return closed_ ? Next::end : Next::nothing;
}

void StreamQueue::written() {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ = 0;
}

void StreamQueue::detach() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    release(waiting_);
}

}  // namespace kontor::http

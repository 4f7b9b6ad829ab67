#include "inbox.h"

#include <boost/asio/post.hpp>

#include "session.h"

namespace kontor::http {

void Inbox::push(Delivery delivery) {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr) return;
    waiting_.push_back(std::move(delivery));
    if (woken_) return;
    woken_ = true;
    boost::asio::post(*context_, [self = shared_from_this()] { self->deliver_all(); });
}

void Inbox::close() {
    std::vector<Delivery> dropped;
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    dropped.swap(waiting_);
}

void Inbox::deliver_all() {
    std::vector<Delivery> batch;
    {
        const std::lock_guard lock(mutex_);
        batch.swap(waiting_);
        woken_ = false;
    }
    for (Delivery& delivery : batch) {
        const std::shared_ptr<Session> session = delivery.session.lock();
        if (!session) continue;  // the client went away
        if (delivery.is_stream)
            session->stream_ready();
        else
            session->deliver(delivery.request_no, std::move(delivery.response));
    }
}

Ticket::~Ticket() {
    answer(std::nullopt);
}

void Ticket::answer(std::optional<Response> response) {
    if (used_.exchange(true, std::memory_order_acq_rel)) return;
    // Answered inside of the handler, the usual case of a cheap request: no queue, no wake-up.
    // (Compared by owner: locking could make this thread the last to hold a session of another one.)
    if (Session* const current = Session::in_handler(); current != nullptr) {
        const std::weak_ptr<Session> weak = current->weak_from_this();
        const bool same = !session_.owner_before(weak) && !weak.owner_before(session_);
        if (same && current->answer_inside(request_no_, response)) return;
    }
    inbox_->push({session_, request_no_, false, std::move(response)});
}

}  // namespace kontor::http

#pragma once
// The way from any thread into a worker: answers and stream wake-ups. One wake-up of the worker carries all
// that gathered meanwhile, so that a committed batch of a thousand commands costs a few wake-ups, not a
// thousand.
//
// Threading: push() anywhere; close() and the deliveries on the worker's thread. Ownership: shared by the
// worker and all who may still answer; after close() everything pushed is dropped.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "kontor/http/server.h"

namespace kontor::http {

class Session;

struct Delivery {
    std::weak_ptr<Session> session;
    std::uint64_t request_no = 0;
    bool is_stream = false;            // the session's stream has something to do
    std::optional<Response> response;  // absent: the responder was dropped without an answer
};

class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
    explicit Inbox(boost::asio::io_context& context) : context_(&context) {}
    void push(Delivery delivery);
    void close();

 private:
    void deliver_all();

    std::mutex mutex_;
    boost::asio::io_context* context_;  // null after close()
    std::vector<Delivery> waiting_;
    bool woken_ = false;
};

// One request's right to an answer. The last copy of the Responder that goes away without having been called
// answers 500.
class Ticket {
 public:
    Ticket(std::shared_ptr<Inbox> inbox, std::weak_ptr<Session> session, std::uint64_t request_no)
        : inbox_(std::move(inbox)), session_(std::move(session)), request_no_(request_no) {}
    ~Ticket();
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    void answer(std::optional<Response> response);

 private:
    std::shared_ptr<Inbox> inbox_;
    std::weak_ptr<Session> session_;
    std::uint64_t request_no_;
    std::atomic<bool> used_{false};
};

}  // namespace kontor::http

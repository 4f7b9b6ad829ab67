#pragma once
// The bytes of a stream between its writer (any thread) and its session (a network thread).
//
// Limits: kMaxStreamQueueBytes wait; a client that reads slower is cut off.

#include <memory>
#include <mutex>
#include <string>

#include "inbox.h"
#include "kontor/http/server.h"

namespace kontor::http {

class StreamQueue {
 public:
    StreamQueue(std::shared_ptr<Inbox> inbox, std::weak_ptr<Session> session)
        : inbox_(std::move(inbox)), session_(std::move(session)) {}

    // Writer's side.
    void write(std::string_view chunk);
    void close();
    [[nodiscard]] bool open() const;

    // Session's side.
    enum class Next : std::uint8_t { nothing, bytes, end, cut };
    // Moves all that waits into `out` (bytes), or says what else to do.
    [[nodiscard]] Next take(std::string& out);
    [[nodiscard]] bool overrun() const;
    void written();  // what take() gave has left
    void detach();   // the connection is gone

 private:
    void wake();  // with the lock held

    mutable std::mutex mutex_;
    std::shared_ptr<Inbox> inbox_;
    std::weak_ptr<Session> session_;
    std::string waiting_;
    std::size_t in_flight_bytes_ = 0;
    bool closed_ = false;   // by the writer
    bool overrun_ = false;  // the client is too slow
    bool gone_ = false;
    bool woken_ = false;
};

// What the handler holds; its end is the stream's end.
class StreamHandle final : public Stream {
 public:
    explicit StreamHandle(std::shared_ptr<StreamQueue> queue) : queue_(std::move(queue)) {}
    ~StreamHandle() override { queue_->close(); }
    void write(std::string chunk) override { queue_->write(chunk); }
    [[nodiscard]] bool open() const override { return queue_->open(); }
    void close() override { queue_->close(); }

 private:
    std::shared_ptr<StreamQueue> queue_;
};

}  // namespace kontor::http

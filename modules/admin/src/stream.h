#pragma once
// The live side of the UI: server-sent events. One thread turns changes of the reports into events, so
// that a hundred open pages cost one look at the roll-ups a second.
//
// Threading: open() and stop() anywhere. Limits: limits::kStreams, kStreamsPerSession, kStreamsPerAddress,
// kHomeEveryMs, kStreamCommentMs; a client that does not read is cut off by http::Stream; a stream ends with
// its session, and when this node does not know any more what is so now (AdminOptions::knows_now): the page
// asks again, and is led to one that does.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "home.h"
#include "reports/payment_list/payment_list.h"

namespace kontor::admin {

class Streams {
 public:
    // `is_open`: whether a session (by its cookie) still is.
    using SessionCheck = std::function<bool(const std::string& cookie)>;
    Streams(const AdminOptions& options, const Home& home, SessionCheck is_open);
    ~Streams();
    void open(const std::shared_ptr<Call>& call);
    void stop();  // closes all streams

 private:
    struct Open {
        std::shared_ptr<http::Stream> stream;
        bool livemode = false;
        std::string cookie;
        std::string address;  // address_key()
    };
    void run();
    // Of all, of the session and of the address; with the lock.
    [[nodiscard]] bool has_room(const std::string& cookie, const std::string& address) const;
    // What is due now; `payments` are new rows. Without the lock.
    void serve(const std::vector<Open>& open, const std::deque<payment_list::PaymentRow>& payments,
               bool home_due, bool comment_due);
    void send_home(const std::vector<Open>& open) const;
    static void send(const Open& to, const char* event, const std::string& json);

    const AdminOptions& options_;
    const Home& home_;
    const SessionCheck is_open_;
    std::uint64_t subscription_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Open> open_;                         // guarded by mutex_
    std::deque<payment_list::PaymentRow> payments_;  // guarded by mutex_
    bool dirty_ = false, stopping_ = false;          // guarded by mutex_
    std::thread thread_;
};

}  // namespace kontor::admin

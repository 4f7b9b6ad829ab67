#pragma once
// The live side of the UI: server-sent events. One thread turns changes of the projection into events, so
// that a hundred open pages cost one look at the roll-ups a second.
//
// Threading: open() and stop() anywhere. Limits: limits::kStreams, kHomeEveryMs, kStreamCommentMs; a client
// that does not read is cut off by net::Stream.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "views.h"

namespace kontor::admin {

class Streams {
 public:
    Streams(const AdminOptions& options, const Views& views);
    ~Streams();
    void open(const std::shared_ptr<Call>& call);
    void stop();  // closes all streams

 private:
    struct Open {
        std::shared_ptr<net::Stream> stream;
        bool livemode = false;
    };
    void run();
    void send_home(const std::vector<Open>& open) const;
    static void send(const Open& to, const char* event, const Json& json);

    const AdminOptions& options_;
    const Views& views_;
    std::uint64_t subscription_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Open> open_;                      // guarded by mutex_
    std::deque<reporting::PaymentRow> payments_;  // guarded by mutex_
    bool dirty_ = false, stopping_ = false;       // guarded by mutex_
    std::thread thread_;
};

}  // namespace kontor::admin

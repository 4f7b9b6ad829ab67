#pragma once
// `kontor dev`'s webhook receiver: an HTTPS server on loopback that checks every delivery as a merchant would
// (signature, tolerance) and remembers the last ones.
//
// Threading: safe anywhere. Limits: remembers kRemembered deliveries.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "kontor/base/clock.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/server.h"

namespace kontor::app {

struct Delivered {
    std::string event_id, event_type, object_id;
    bool verified = false;
};

class WebhookReceiver {
 public:
    static constexpr std::size_t kRemembered = 1000;
    static Result<std::unique_ptr<WebhookReceiver>> start(transport::TlsIdentity identity,
                                                          const Clock& clock);
    [[nodiscard]] std::string url() const;
    void set_secret(crypto::Secret secret);
    // Waits until an event of this type about this object came in; nullopt after the time.
    [[nodiscard]] std::optional<Delivered> wait_for(const std::string& type, const std::string& object_id,
                                                    std::uint64_t timeout_ms);

 private:
    explicit WebhookReceiver(const Clock& clock) : clock_(clock) {}
    void handle(const http::Request& request, const http::Responder& respond);
    [[nodiscard]] bool verify(const http::Request& request) const;

    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable changed_;
    crypto::Secret secret_;                 // guarded by mutex_
    std::deque<Delivered> delivered_;       // guarded by mutex_
    std::unique_ptr<http::Server> server_;  // last: its threads end before what they use
};

}  // namespace kontor::app

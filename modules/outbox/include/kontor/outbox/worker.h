#pragma once
// The outbox workers: perform the intentions that apply() wrote (channel calls, webhook deliveries) and
// propose what came back. apply() touches nothing outside; this is where the outside begins. Level
// 5, since it sees payments, connectors and net: docs/adr/0004.
//
// Exactly one worker runs per cluster, on the leader. After a crash an intention may be performed again:
// channels are idempotent by reference, and webhook receivers are told the event id.
//
// Threading: one worker thread; callbacks of channels and HTTP client only enqueue, and may come after the
// worker is gone. Ownership: everything passed in outlives the worker. Errors: a result that cannot be
// proposed now (overloaded, no leader) is proposed again. Limits: WorkerOptions. Places are shared between
// merchants, receivers that do not answer are on a short leash (src/shares.h), a long backlog hides nobody
// (src/backlog.h), and deliveries give way when results queue for the log (src/pace.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "connectors/connector.h"
#include "kontor/base/clock.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/client.h"
#include "kontor/machine/service.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::outbox {

inline constexpr std::uint64_t kAlone = 1;  // the one leadership of a node without others

struct WorkerOptions {
    machine::Service* service = nullptr;
    http::Client* client = nullptr;  // for webhooks
    const crypto::Sealer* sealer = nullptr;
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    http::Client* channel_client = nullptr;  // for channels; null: no connector calls anybody
    std::span<const connectors::Connector* const> connectors;  // those that this node may use
    // Where channels and payers reach this instance, "https://pay.example". Null: nowhere.
    std::function<std::string()> public_url;
    std::size_t max_deliveries_in_flight = 256;
    std::size_t max_deliveries_per_endpoint = 8;         // one slow receiver does not hold up the others
    std::size_t max_deliveries_per_quick_endpoint = 32;  // that answers at once
    std::size_t max_channel_calls_in_flight = 512;       // an account alone has half of them
    std::uint64_t delivery_timeout_ms = 20'000;
    // In which leadership this node works now, 0: another one does; asked before anything begins. Another
    // number says that others may have worked in between. Null: nobody else ever works.
    std::function<std::uint64_t()> leadership;
    std::uint64_t poll_ms = 250;  // for intentions that become due by time alone
};

class Worker {
 public:
    static std::unique_ptr<Worker> start(WorkerOptions options);
    virtual ~Worker() = default;  // stops
    // Starts nothing more. Results of calls that end within 2 s are still proposed; the other calls are made
    // again after the next start.
    virtual void stop() = 0;
};

// The value of the Stripe-Signature header: "t=<unix>,v1=<hex>" with v1 = HMAC-SHA256(secret, t + "." +
// body).
[[nodiscard]] std::string webhook_signature(std::string_view secret, std::int64_t unix_seconds,
                                            std::string_view body);

}  // namespace kontor::outbox

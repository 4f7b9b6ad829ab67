#pragma once
// The merchant API: /v1/… in the shape that the official Stripe client libraries expect (docs/api.md).
//
// Threading: handle() may be called from any thread and does not block; the answer comes on that thread
// (reads, refusals), on one for expensive reads (ApiLimits), or on the thread that completes the command
// (writes). Ownership: what the options point to outlives the Api and all its requests in flight. Errors:
// never throws; everything becomes an answer with the Stripe-shaped error object. Limits: src/params.h
// (parameters), kontor/payments/limits.h (values), http::ServerLimits (bytes).

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "domains/roles.h"
#include "kontor/base/clock.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/server.h"
#include "kontor/machine/service.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::api {

// Requests a second, unless it says another unit; 0: no limit. Twice as many at once, by a caller that was
// quiet. docs/security.md.
struct ApiLimits {
    std::uint64_t per_address = 0;   // all requests of one client address
    std::uint64_t wrong_keys = 0;    // of one address, with a key that is none
    std::uint64_t per_key = 0;       // of one API key
    std::uint64_t per_merchant = 0;  // of all keys of one merchant
    std::uint64_t per_route = 0;     // of one merchant and mode to one route
    std::uint64_t expensive_ms = 0;  // milliseconds for lists, histories, look-ups of many ids, of one
                                     // merchant and mode
    // Threads that do expensive reads, so many at once in all; 0: the network threads do them.
    unsigned expensive_threads = 0;
};

struct ApiOptions {
    machine::Service* service = nullptr;
    const crypto::Sealer* sealer = nullptr;  // webhook secrets at rest
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    ApiLimits limits;
    // What webhooks may go to (http::ClientOptions). An endpoint that no delivery could ever reach is
    // refused.
    bool delivers_to_http = false, delivers_to_private_addresses = false;
    // What API keys may do; null: nothing. Tests give them less.
    const machine::Role* key_role = domains::role(domains::kSecretKey);
    // False: 503 to everything but the API's own description.
    std::function<bool()> ready = [] { return true; };
    // Base62 characters for request ids, client secrets and webhook secrets. Tests make it predictable.
    std::function<std::string(std::size_t)> random_token = [](std::size_t n) {
        return crypto::random_token(n);
    };
};

class ReadPool;

class Api {
 public:
    explicit Api(ApiOptions options);
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    // Ends the expensive reads: those under way are answered, the waiting ones fail; before the node stops.
    void stop();

    // Everything below /v1/ is this surface's, known or not.
    [[nodiscard]] static bool owns(std::string_view path);
    void handle(http::Request request, http::Responder respond);
    // By the head alone, before the body is read: route, method, readiness and key. `is_final` false: this
    // node may not know a new key yet, and whoever it sends the request to does.
    [[nodiscard]] http::Admission admit(const http::Request& head, bool is_final);

    // OpenAPI 3.1, made from the route table; what GET /v1/openapi.json answers.
    [[nodiscard]] static const std::string& openapi_json();
    // Of a request that owns() its path, by the route table.
    [[nodiscard]] static http::RequestKind kind_of(const http::Request& request);

    struct Impl;

 private:
    std::shared_ptr<Impl> impl_;
    std::unique_ptr<ReadPool> reads_;  // null: none; it ends before impl_, and is no part of what calls share
};

}  // namespace kontor::api

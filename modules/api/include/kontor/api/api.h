#pragma once
// The merchant API: /v1/… in the shape that the official Stripe client libraries expect (docs/api.md).
//
// Threading: handle() may be called from any thread and does not block; the answer comes on that thread
// (reads, refusals) or on the thread that completes the command (writes), unless `post` moves it. Ownership:
// what the options point to outlives the Api and all its requests in flight. Errors: never throws; everything
// becomes an answer with the Stripe-shaped error object. Limits: src/params.h (parameters),
// kontor/payments/limits.h (values), net::ServerLimits (bytes).

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kontor/base/clock.h"
#include "kontor/crypto/crypto.h"
#include "kontor/net/server.h"
#include "kontor/payments/service.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::api {

struct ApiOptions {
    payments::Service* service = nullptr;
    const crypto::Sealer* sealer = nullptr;  // webhook secrets at rest
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    // False: 503 to everything but the API's own description.
    std::function<bool()> ready = [] { return true; };
    // Base62 characters for request ids, client secrets and webhook secrets. Tests make it predictable.
    std::function<std::string(std::size_t)> random_token = [](std::size_t n) {
        return crypto::random_token(n);
    };
};

class Api {
 public:
    explicit Api(ApiOptions options);
    ~Api();
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    // Everything below /v1/ is this surface's, known or not.
    [[nodiscard]] static bool owns(std::string_view path);
    void handle(net::Request request, net::Responder respond);
    // By the head alone, before the body is read: route, method, readiness and key. `is_final` false: this
    // node may not know a new key yet, and whoever it sends the request to does.
    [[nodiscard]] net::Admission admit(const net::Request& head, bool is_final);

    // OpenAPI 3.1, made from the route table; what GET /v1/openapi.json answers.
    [[nodiscard]] static const std::string& openapi_json();
    // The JSON body of an error the server itself answers (net::ServerOptions::error_body).
    [[nodiscard]] static std::string transport_error_json(int status, std::string_view message);

    struct Impl;

 private:
    std::shared_ptr<Impl> impl_;
};

}  // namespace kontor::api

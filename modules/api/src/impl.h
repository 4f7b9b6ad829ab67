#pragma once
// What all requests share.

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

#include "kontor/api/api.h"
#include "kontor/surface/catalogue.h"
#include "limiter.h"
#include "read_pool.h"

namespace kontor::api {

using surface::ApiError;
using surface::Call;
using surface::CallPtr;

// All routes: the domains', and this module's own.
[[nodiscard]] const surface::Catalogue& catalogue();

// Counters by route and status, one histogram by route. Looked up without a lock once they exist.
class Metrics {
 public:
    explicit Metrics(telemetry::Registry& registry);
    void record(const surface::Route* route, int status, std::uint64_t microseconds);

 private:
    static constexpr std::array kStatuses = {200, 400, 401, 402, 403, 404, 409, 413, 415, 423, 429, 500, 503};
    struct PerRoute {
        std::string_view label;
        telemetry::Histogram* latency = nullptr;
        std::array<std::atomic<telemetry::Counter*>, kStatuses.size() + 1> by_status{};  // last: any other
    };
    telemetry::Registry& registry_;
    std::vector<PerRoute> routes_;  // as catalogue().routes(), and one for requests without a route
};

struct Api::Impl : surface::Host {
    explicit Impl(ApiOptions the_options);
    void answered(const Call& call, int status, std::uint64_t microseconds) override;
    void serve(const CallPtr& call);  // a call of this host
    // Answers whatever `work` throws.
    static void guarded(Call& call, const std::function<void()>& work);

    ApiOptions options;
    Metrics metrics;
    Limiter limiter;
    ReadPool* reads = nullptr;  // the Api's
};

// Fills call.caller, or says why not. `role`: what keys may do.
[[nodiscard]] std::optional<ApiError> authenticate(Call& call, const machine::Role* role);
// Whether the caller may do what the route does: the error, if not.
[[nodiscard]] std::optional<ApiError> authorize(const Call& call);
// Fills call.params and call.expand from query and body, or says what is wrong.
[[nodiscard]] std::optional<ApiError> read_params(Call& call);
// Fills idempotency_key and api_version from the headers, and looks at those that would change whose money
// moves.
[[nodiscard]] std::optional<ApiError> read_headers(Call& call);

}  // namespace kontor::api

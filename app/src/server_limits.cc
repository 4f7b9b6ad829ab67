#include "server_limits.h"

#include <algorithm>

#include "descriptors.h"

namespace kontor::app {
namespace {

// A third of a core's, with elliptic curves.
constexpr std::size_t kHandshakesPerThread = 1'000;

}  // namespace

Result<http::ServerLimits> server_limits(const Settings& settings, const MemoryPlan& memory,
                                         unsigned threads) {
    http::ServerLimits limits;
    KONTOR_TRY(const DescriptorPlan plan,
               plan_descriptors(settings, descriptor_limit(), memory.connection_bytes / kConnectionBytes));
    limits.max_connections = plan.max_connections;
    limits.max_connections_per_address = plan.max_connections_per_address;
    limits.max_descriptor = plan.max_descriptor;
    const auto rate = static_cast<std::size_t>(settings.https_max_handshakes_per_s);
    limits.handshakes_per_s = rate != 0 ? rate : kHandshakesPerThread * threads;
    const auto share = static_cast<std::size_t>(settings.https_max_handshakes_per_s_per_address);
    limits.handshakes_per_s_per_address =
        share != 0 ? share : std::max<std::size_t>(1, limits.handshakes_per_s / 2);
    limits.max_body_bytes = static_cast<std::size_t>(settings.https_max_body_kib) << 10U;
    limits.max_request_bytes = memory.request_bytes;
    limits.max_answer_bytes = memory.answer_bytes;
    limits.idle_timeout_ms = static_cast<std::uint64_t>(settings.https_idle_timeout_s) * 1000;
    limits.header_timeout_ms = static_cast<std::uint64_t>(settings.https_header_timeout_s) * 1000;
    limits.single_fields = {"idempotency-key", "stripe-version",   "stripe-account",
                            "stripe-context",  "kontor-min-index", "x-csrf-token"};
    return limits;
}

}  // namespace kontor::app

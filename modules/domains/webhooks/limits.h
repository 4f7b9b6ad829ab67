#pragma once
// Limits of webhooks.

#include <cstddef>
#include <cstdint>

namespace kontor::webhooks::limits {

inline constexpr std::size_t kEventTypesPerEndpoint = 64;
inline constexpr std::size_t kWebhookEndpointsPerMode = 16;  // a merchant and mode, as Stripe's
inline constexpr std::int64_t kWebhookRetryForMs = 3LL * 24 * 3600 * 1000;
inline constexpr std::size_t kAttemptsKept = 16;

}  // namespace kontor::webhooks::limits

#pragma once
// How many connections fit into the descriptors of this process: sockets must never take what the store needs
// for its files. `kontor config check` and `kontor serve` ask the same function.
//
// Threading: none; at the start. Errors: invalid_argument, a text for the operator who sets the limits.

#include <cstddef>
#include <cstdint>

#include "kontor/base/result.h"
#include "settings.h"

namespace kontor::app {

// Log, redo files, checkpoints, reports, certificates, control socket; and two for each partition.
inline constexpr std::uint64_t kFileDescriptors = 256;
// Peers, their greetings, deliveries to webhooks and channels: so many, or a quarter where there are few.
inline constexpr std::uint64_t kOtherSockets = 768;
inline constexpr std::uint64_t kFewestConnections = 16;
inline constexpr std::uint64_t kDefaultMaxConnections = 10'000;

struct DescriptorPlan {
    std::size_t max_connections = 0;
    std::size_t max_connections_per_address = 0;
    std::size_t max_outgoing = 0;  // to receivers of webhooks, and as many to channels
    int max_descriptor = 0;        // sockets below it, files anywhere
};

// `limit`: what this process may open. `usual`: connections where the settings name no number.
[[nodiscard]] Result<DescriptorPlan> plan_descriptors(const Settings& settings, std::uint64_t limit,
                                                      std::uint64_t usual = kDefaultMaxConnections);
// RLIMIT_NOFILE after raise_descriptor_limit().
[[nodiscard]] std::uint64_t descriptor_limit();
// The soft limit becomes the hard one. The usual 1,024 are for programs that use select(2); none here does.
void raise_descriptor_limit();

}  // namespace kontor::app

#pragma once
// How the memory that this process may use is divided, where the settings do not say it (docs/operating.md,
// "Memory").
//
// Errors: invalid_argument when it is too little for what the settings ask for; the text names what would be
// enough.

#include "connectors/connector.h"
#include "kontor/base/machine.h"
#include "kontor/base/result.h"
#include "settings.h"

namespace kontor::app {

struct MemoryPlan {
    std::uint64_t cache_bytes = 0, memtable_bytes = 0;
    std::uint64_t request_bytes = 0, answer_bytes = 0;  // http::ServerLimits
    std::uint64_t queue_bytes = 0;                      // of commands that wait
    std::uint64_t connection_bytes = 0;                 // of kConnectionBytes each
    std::size_t batch_commands = 0;                     // of one log entry: node::NodeOptions
    std::size_t deliveries = 0, channel_calls = 0;      // of webhooks and of channels, at once
    std::uint64_t reports_bytes = 0;  // of audit records that wait for the reports, or are written
};

inline constexpr std::uint64_t kCacheShare = 8;      // of the memory
inline constexpr std::uint64_t kMemtableShare = 16;  // of the memory
inline constexpr std::uint64_t kMostMemtableBytes = 96ULL << 20, kLeastMemtableBytes = 8ULL << 20;
// Bodies under way, answers that nobody takes, commands that wait: each of them.
inline constexpr std::uint64_t kWaitingShare = 16;
inline constexpr std::uint64_t kMostWaitingBytes = 256ULL << 20, kLeastWaitingBytes = 8ULL << 20;
inline constexpr std::uint64_t kMostQueueBytes = 64ULL << 20;
// An idle one with TLS, the kernel's part included; what it sends and is sent is counted above.
inline constexpr std::uint64_t kConnectionBytes = 20ULL << 10;
inline constexpr std::uint64_t kConnectionsShare = 16;
// What a command may make of a small request, of objects with all the metadata that there may be; a
// delivery; a call of a channel, whose reply is held as it came and as it is read.
inline constexpr std::uint64_t kMostCommandBytes = 1ULL << 20, kMostDeliveryBytes = 256ULL << 10;
inline constexpr std::uint64_t kMostChannelCallBytes = 2 * connectors::kReplyBytes;
inline constexpr std::uint64_t kBatchShare = 16, kDeliveriesShare = 32, kChannelCallsShare = 32;
inline constexpr std::uint64_t kLeastBatchCommands = 8, kLeastDeliveries = 16, kLeastChannelCalls = 16;
inline constexpr std::uint64_t kReportsShare = 32;
inline constexpr std::uint64_t kMostReportsBytes = 256ULL << 20, kLeastReportsBytes = 4ULL << 20;
// One password that is checked (crypto::hash_password); they are checked one after the other.
inline constexpr std::uint64_t kPasswordBytes = 64ULL << 20;
// All else: code, threads, answers that are being made, the reports' caches.
inline constexpr std::uint64_t kOtherBytes = 48ULL << 20;

[[nodiscard]] Result<MemoryPlan> plan_memory(const Settings& settings, const MachineShare& share);

// For https.threads = 0.
[[nodiscard]] unsigned processors_allowed();

}  // namespace kontor::app

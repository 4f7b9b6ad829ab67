#include "memory_plan.h"

#include <algorithm>
#include <cmath>

#include "descriptors.h"
#include "kontor/node/node.h"
#include "kontor/outbox/worker.h"

namespace kontor::app {

namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

std::uint64_t bytes_of(std::int64_t set_mib, std::uint64_t by_default) {
    return set_mib != 0 ? static_cast<std::uint64_t>(set_mib) * kMiB : by_default;
}

}  // namespace

Result<MemoryPlan> plan_memory(const Settings& settings, const MachineShare& share) {
    const std::uint64_t all = share.memory_bytes;
    const std::uint64_t waiting = std::clamp(all / kWaitingShare, kLeastWaitingBytes, kMostWaitingBytes);
    MemoryPlan plan;
    plan.cache_bytes = bytes_of(settings.cache_mib, all / kCacheShare);
    plan.memtable_bytes = bytes_of(settings.memtable_mib,
                                   std::clamp(all / kMemtableShare, kLeastMemtableBytes, kMostMemtableBytes));
    // One key may hold half of it, and a body has to fit into that.
    plan.request_bytes = std::max(bytes_of(settings.https_max_request_mib, waiting),
                                  2 * (static_cast<std::uint64_t>(settings.https_max_body_kib) << 10U));
    plan.answer_bytes = bytes_of(settings.https_max_answer_mib, waiting);
    plan.queue_bytes = bytes_of(settings.queue_max_mib, std::min(waiting, kMostQueueBytes));
    const auto connections = static_cast<std::uint64_t>(settings.https_max_connections);
    plan.connection_bytes =
        connections != 0 ? connections * kConnectionBytes
                         : std::min(all / kConnectionsShare, kDefaultMaxConnections * kConnectionBytes);
    plan.batch_commands = static_cast<std::size_t>(std::clamp<std::uint64_t>(
        all / kBatchShare / kMostCommandBytes, kLeastBatchCommands, node::NodeOptions().max_batch_commands));
    plan.deliveries = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(all / kDeliveriesShare / kMostDeliveryBytes, kLeastDeliveries,
                                  outbox::WorkerOptions().max_deliveries_in_flight));
    plan.channel_calls = static_cast<std::size_t>(
        std::clamp<std::uint64_t>(all / kChannelCallsShare / kMostChannelCallBytes, kLeastChannelCalls,
                                  outbox::WorkerOptions().max_channel_calls_in_flight));
    plan.reports_bytes = std::clamp(all / kReportsShare, kLeastReportsBytes, kMostReportsBytes);
    const std::uint64_t others = kOtherBytes + kPasswordBytes + plan.reports_bytes;
    const std::uint64_t needed = others + plan.cache_bytes + 2 * plan.memtable_bytes + plan.request_bytes +
                                 plan.answer_bytes + plan.queue_bytes + plan.connection_bytes;
    // A machine without a limit may swap, but not what the cache alone takes of it.
    const bool is_asked = settings.cache_mib != 0 || settings.memtable_mib != 0;
    const bool fits = plan.cache_bytes + 2 * plan.memtable_bytes <= all;
    if (needed <= all || (!share.is_memory_limited && (fits || !is_asked))) return plan;
    const auto mib = [](std::uint64_t bytes) { return std::to_string((bytes + kMiB - 1) / kMiB); };
    return fail(
        ErrorCode::invalid_argument,
        (share.is_memory_limited ? "the control group of this process allows " : "this machine has ") +
            mib(all) + " MiB of memory, and with these settings Kontor may need " + mib(needed) +
            " MiB (store.cache_mib: " + mib(plan.cache_bytes) + ", twice store.memtable_mib: " +
            mib(2 * plan.memtable_bytes) + ", https.max_request_mib: " + mib(plan.request_bytes) +
            ", https.max_answer_mib: " + mib(plan.answer_bytes) + ", queue.max_mib: " +
            mib(plan.queue_bytes) + ", https.max_connections: " + mib(plan.connection_bytes) +
            ", all else: " + mib(others) + "): allow at least that much, or lower the settings");
}

unsigned processors_allowed() {
    return std::max(1U, static_cast<unsigned>(std::ceil(machine_share().processors)));
}

}  // namespace kontor::app

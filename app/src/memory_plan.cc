#include "memory_plan.h"

#include <algorithm>
#include <cmath>

namespace kontor::app {

Result<MemoryPlan> plan_memory(const Settings& settings, const MachineShare& share) {
    constexpr std::uint64_t kMiB = 1ULL << 20;
    MemoryPlan plan;
    plan.cache_bytes = settings.cache_mib != 0 ? static_cast<std::uint64_t>(settings.cache_mib) * kMiB
                                               : share.memory_bytes / kCacheShare;
    plan.memtable_bytes =
        settings.memtable_mib != 0
            ? static_cast<std::uint64_t>(settings.memtable_mib) * kMiB
            : std::clamp(share.memory_bytes / kMemtableShare, kLeastMemtableBytes, kMostMemtableBytes);
    const std::uint64_t needed = kOtherBytes + plan.cache_bytes + 2 * plan.memtable_bytes;
    // A machine without a limit may swap, but not what the cache alone takes of it.
    const bool is_asked = settings.cache_mib != 0 || settings.memtable_mib != 0;
    const bool fits = plan.cache_bytes + 2 * plan.memtable_bytes <= share.memory_bytes;
    if (needed <= share.memory_bytes || (!share.is_memory_limited && (fits || !is_asked))) return plan;
    return fail(
        ErrorCode::invalid_argument,
        (share.is_memory_limited ? "the control group of this process allows " : "this machine has ") +
            std::to_string(share.memory_bytes / kMiB) +
            " MiB of memory, and with these settings Kontor may need " + std::to_string(needed / kMiB) +
            " MiB (store.cache_mib: " + std::to_string(plan.cache_bytes / kMiB) +
            ", twice store.memtable_mib: " + std::to_string(2 * plan.memtable_bytes / kMiB) + ", all else: " +
            std::to_string(kOtherBytes / kMiB) + "): allow at least that much, or lower the settings");
}

unsigned processors_allowed() {
    return std::max(1U, static_cast<unsigned>(std::ceil(machine_share().processors)));
}

}  // namespace kontor::app

#pragma once
// How the memory that this process may use is divided, where the settings do not say it (docs/operating.md,
// "Memory").
//
// Errors: invalid_argument when it is too little for what the settings ask for; the text names what would be
// enough.

#include "kontor/base/machine.h"
#include "kontor/base/result.h"
#include "settings.h"

namespace kontor::app {

struct MemoryPlan {
    std::uint64_t cache_bytes = 0, memtable_bytes = 0;
};

inline constexpr std::uint64_t kCacheShare = 8;      // of the memory
inline constexpr std::uint64_t kMemtableShare = 16;  // of the memory
inline constexpr std::uint64_t kMostMemtableBytes = 96ULL << 20, kLeastMemtableBytes = 8ULL << 20;
// Beside caches and memtables: code, threads, connections, answers under way, the reports.
inline constexpr std::uint64_t kOtherBytes = 48ULL << 20;

[[nodiscard]] Result<MemoryPlan> plan_memory(const Settings& settings, const MachineShare& share);

// For https.threads = 0.
[[nodiscard]] unsigned processors_allowed();

}  // namespace kontor::app

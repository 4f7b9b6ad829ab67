#pragma once
// Limits of requests for approval and of the policy.

#include <cstddef>
#include <cstdint>

namespace kontor::approvals::limits {

inline constexpr std::uint64_t kPending = 500;  // of the installation
inline constexpr std::size_t kPendingPerOperator = 50;
inline constexpr std::size_t kStoredBytes = 16U << 10U;  // of one command
inline constexpr std::size_t kNoteBytes = 500;
inline constexpr std::int64_t kRequestMs =
    7LL * 24 * 3600 * 1000;                                        // of machine time, until a request expires
inline constexpr std::int64_t kKeptMs = 400LL * 24 * 3600 * 1000;  // of machine time, after its end
inline constexpr int kRules = 64;
inline constexpr int kExemptions = 32;  // of a rule: currencies

}  // namespace kontor::approvals::limits

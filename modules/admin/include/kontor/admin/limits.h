#pragma once
// Every limit of the admin surface, in one place.

#include <cstddef>
#include <cstdint>

namespace kontor::admin::limits {

inline constexpr std::size_t kPasswordMinCharacters = 12;
inline constexpr std::size_t kPasswordMaxBytes = 128;
inline constexpr std::size_t kNameMaxBytes = 64;
inline constexpr std::size_t kBodyMaxBytes = 64U << 10U;
inline constexpr std::size_t kPasswordQueue = 16;  // argon2id jobs waiting; above: 429
inline constexpr unsigned kReportThreads = 2;
inline constexpr std::size_t kReportQueue = 64;  // reports waiting; above: 429
inline constexpr std::int64_t kSessionLifetimeMs = 12LL * 3600 * 1000;
inline constexpr std::size_t kStreams = 100;  // open event streams; above: 503
inline constexpr std::uint64_t kStreamCommentMs = 15'000;
inline constexpr std::uint64_t kHomeEveryMs =
    1'000;  // a home event at most this often; sessions are looked at too
inline constexpr std::size_t kPageMax = 100;
inline constexpr std::size_t kPageDefault = 25;
inline constexpr std::size_t kMerchantsListed = 1'000;
inline constexpr std::size_t kOutboxCounted = 1'000;  // webhooks waiting: counted up to here

}  // namespace kontor::admin::limits

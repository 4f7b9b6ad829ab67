#pragma once
// Limits of sessions, logins, streams and threads. Those of resources are in domains/<x>/admin.h, those that
// several have in kontor/surface/office_limits.h.

#include <cstddef>
#include <cstdint>

namespace kontor::admin::limits {

inline constexpr std::size_t kPasswordMinCharacters = 12;
inline constexpr std::size_t kPasswordMaxBytes = 128;
inline constexpr std::size_t kBodyMaxBytes = 64U << 10U;
// Logins. A name is not locked: whoever guesses waits, and nobody else (docs/adr/0014).
inline constexpr std::uint64_t kLoginFreeTries = 5;             // wrong ones before a visitor has to wait
inline constexpr std::uint64_t kLoginFirstDelayMs = 1'000;      // then, doubled with each further one
inline constexpr std::uint64_t kLoginLongestDelayMs = 300'000;  // up to here
inline constexpr std::uint64_t kLoginForgetMs = 3'600'000;      // wrong tries count this long
inline constexpr std::size_t kLoginVisitors = 10'000;           // counted; some 200 bytes each
inline constexpr std::int64_t kBrowserLifetimeMs = 180LL * 24 * 3600 * 1000;  // a known one is known so long
inline constexpr std::uint64_t kSetupPerSecond = 10;  // set-up calls of one address; above: 429
inline constexpr std::uint64_t kSetupBurst = 100;
inline constexpr std::size_t kPasswordQueue = 256;           // argon2id jobs waiting; above: 429
inline constexpr std::size_t kPasswordQueuePerAddress = 64;  // of one address
inline constexpr unsigned kReportThreads = 2;
inline constexpr std::size_t kReportQueue = 64;  // reports waiting; above: 429
inline constexpr std::int64_t kSessionLifetimeMs = 12LL * 3600 * 1000;
inline constexpr std::size_t kStreams = 100;           // open event streams; above: 503
inline constexpr std::size_t kStreamsPerSession = 10;  // of these: tabs of one browser
inline constexpr std::size_t kStreamsPerAddress = 50;  // an office behind one address leaves half to others
inline constexpr std::uint64_t kStreamCommentMs = 15'000;
inline constexpr std::uint64_t kHomeEveryMs =
    1'000;  // a home event at most this often; sessions are looked at too
inline constexpr std::size_t kOutboxCounted = 1'000;  // webhooks waiting: counted up to here

}  // namespace kontor::admin::limits

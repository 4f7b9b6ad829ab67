#pragma once
// Limits of channel accounts, routes and notices.

#include <cstddef>
#include <cstdint>

namespace kontor::channels::limits {

inline constexpr std::uint64_t kAccounts = 10'000;
inline constexpr int kMethods = 100;  // that an account serves
inline constexpr int kRoutes = 200;   // entries of a merchant and mode
inline constexpr std::size_t kConnectorBytes = 40;
inline constexpr std::size_t kCredentialsBytes = 64U << 10U;  // sealed, all of an account
inline constexpr std::size_t kMadeFromBytes = 16;             // of the digest of credentials
inline constexpr std::size_t kNoticeIdBytes = 255;
inline constexpr std::int64_t kNoticeKeptMs = 30LL * 24 * 3600 * 1000;  // of machine time
// Of an account at once: 30 days at 23 a second and more than any channel repeats itself.
inline constexpr std::int64_t kNotices = 60'000'000;

}  // namespace kontor::channels::limits

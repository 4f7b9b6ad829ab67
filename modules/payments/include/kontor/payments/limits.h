#pragma once
// Every limit of the payments surface, in one place. API documentation and validation read them from here.

#include <cstddef>
#include <cstdint>

namespace kontor::payments::limits {

inline constexpr std::size_t kMetadataKeys = 50;
inline constexpr std::size_t kMetadataKeyBytes = 40;     // characters; no brackets
inline constexpr std::size_t kMetadataValueBytes = 500;  // characters
inline constexpr std::size_t kIdempotencyKeyBytes = 255;
inline constexpr std::int64_t kIdempotencyKeepMs = 24LL * 3600 * 1000;
inline constexpr std::size_t kNameBytes = 256;
inline constexpr std::size_t kEmailBytes = 512;
inline constexpr std::size_t kPhoneBytes = 20;
inline constexpr std::size_t kDescriptionBytes = 1000;
inline constexpr std::size_t kStatementDescriptorBytes = 22;
inline constexpr std::size_t kUrlBytes = 2048;
// Card testing tries one intent again and again, and each try leaves a charge, an attempt and events. Twice
// what card schemes allow for one purchase: no shopper meets it.
inline constexpr std::uint32_t kDeclinedAttemptsPerIntent = 30;
inline constexpr std::size_t kEventTypesPerEndpoint = 64;
inline constexpr std::size_t kWebhookEndpointsPerMode = 16;  // a merchant and mode, as Stripe's
inline constexpr std::size_t kExpandDepth = 4;
inline constexpr std::size_t kExpandPaths = 20;
inline constexpr std::size_t kListLimitMax = 100;
inline constexpr std::size_t kListLimitDefault = 10;
inline constexpr std::size_t kListScanMax =
    10'000;  // rows a filtered list looks at before it asks to continue
inline constexpr std::int64_t kWebhookRetryForMs = 3LL * 24 * 3600 * 1000;
inline constexpr std::size_t kAttemptsKept = 16;
inline constexpr std::size_t kDuePerEntry = 512;  // timeouts, releases and clean-ups a Tick does at once
inline constexpr std::size_t kDueShare = 56;      // of these, what each kind has for itself
// A wall clock that is so little behind the log's UTC is waited for: `created` then grows with the number.
inline constexpr std::int64_t kUtcHoldMs = 1000;
inline constexpr std::size_t kUtcStepsKept = 64;  // where it went back by more, for lists by time
inline constexpr std::int64_t kWalletMaxMinor = 999'999'999'999'999;  // 1,000 of the largest payments
inline constexpr std::uint32_t kFeeBpsMax = 10'000;
inline constexpr std::uint32_t kSettlementDelayDaysMax = 365;
inline constexpr std::size_t kOperatorNameBytes = 128;
inline constexpr std::size_t kOperators = 1000;
inline constexpr std::int64_t kTotpStepMs = 30'000;
inline constexpr std::uint64_t kTotpStepsAhead = 2;  // more: the clock was wrong when the code was used
inline constexpr std::size_t kTotpStepsAheadKept = 8;
inline constexpr std::uint32_t kFailedLoginsBeforeLock = 5;
inline constexpr std::int64_t kLoginLockMs = 15LL * 60 * 1000;
inline constexpr std::size_t kClusterNodes = 16;  // members that are not removed
inline constexpr std::size_t kJoinTokens = 64;    // that are not too old
inline constexpr std::size_t kNodeNameBytes = 64;
inline constexpr std::size_t kNodeAddressBytes = 260;  // host name and port

}  // namespace kontor::payments::limits

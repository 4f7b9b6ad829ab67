#pragma once
// Bucket arithmetic of the log-linear histogram: values below 32 have a bucket each; above, every power of
// two is cut into 32 equal parts, so a bucket is never wider than 1/32 of its lower edge.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace kontor::telemetry {

inline constexpr unsigned kSubBits = 5;
inline constexpr std::uint64_t kSubBuckets = 1U << kSubBits;
inline constexpr std::uint64_t kMaxMicroseconds = 3'600'000'000;  // one hour; longer counts as one hour

constexpr std::size_t bucket_of(std::uint64_t us) {
    if (us < kSubBuckets) return static_cast<std::size_t>(us);
    const auto shift = static_cast<unsigned>(std::bit_width(us)) - 1 - kSubBits;
    return static_cast<std::size_t>((shift + 1) * kSubBuckets + (us >> shift) - kSubBuckets);
}

// The largest value that falls into the bucket.
constexpr std::uint64_t upper_edge(std::size_t bucket) {
    if (bucket < kSubBuckets) return bucket;
    const std::uint64_t shift = bucket / kSubBuckets - 1;
    return ((bucket % kSubBuckets + kSubBuckets + 1) << shift) - 1;
}

inline constexpr std::size_t kBucketCount = bucket_of(kMaxMicroseconds) + 1;
static_assert(bucket_of(31) == 31 && bucket_of(32) == 32 && bucket_of(63) == 63 && bucket_of(64) == 64);
static_assert(upper_edge(bucket_of(1000)) >= 1000 && upper_edge(bucket_of(1000) - 1) < 1000);

}  // namespace kontor::telemetry

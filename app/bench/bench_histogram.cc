#include "bench_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kontor::app {
namespace {

constexpr unsigned kSubBits = 7;  // 128 buckets a power of two
constexpr std::uint64_t kSub = 1ULL << kSubBits;
constexpr unsigned kMaxBits = 42;
constexpr std::size_t kBuckets = (kMaxBits - kSubBits + 1) * kSub;

// Values below 2 * kSub have buckets of their own; above, the top kSubBits + 1 bits choose.
std::size_t bucket_of(std::uint64_t ns) {
    if (ns < 2 * kSub) return static_cast<std::size_t>(ns);
    const auto shift = static_cast<unsigned>(std::bit_width(ns)) - (kSubBits + 1);
    return shift * kSub + (ns >> shift);
}

std::uint64_t last_of(std::size_t bucket) {
    if (bucket < 2 * kSub) return bucket;
    const std::size_t shift = bucket / kSub - 1;
    return ((bucket - shift * kSub + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

void LatencyHistogram::record(std::uint64_t ns, std::uint64_t times) {
    if (times == 0) return;
    buckets_[bucket_of(std::min(ns, kMaxNs))] += times;
    count_ += times;
    max_ns_ = std::max(max_ns_, ns);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ns_ = std::max(max_ns_, other.max_ns_);
}

std::uint64_t LatencyHistogram::percentile_ns(double p) const {
    if (count_ == 0) return 0;
    const double wanted = std::ceil(p / 100 * static_cast<double>(count_));
    const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::max(wanted, 1.0)), 1, count_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
        seen += buckets_[i];
        if (seen >= rank) return std::min(last_of(i), max_ns_);
    }
    return max_ns_;
}

}  // namespace kontor::app

#include <algorithm>
#include <array>
#include <cmath>

#include "buckets.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::telemetry {

struct Histogram::Buckets {
    std::array<std::atomic<std::uint64_t>, kBucketCount> counts{};
    std::atomic<std::uint64_t> sum_us{0};
};

Histogram::Histogram() : buckets_(std::make_unique<Buckets>()) {}
Histogram::~Histogram() = default;

void Histogram::record_us(std::uint64_t microseconds) {
    const std::uint64_t clamped = std::clamp<std::uint64_t>(microseconds, 1, kMaxMicroseconds);
    buckets_->counts[bucket_of(clamped)].fetch_add(1, std::memory_order_relaxed);
    buckets_->sum_us.fetch_add(clamped, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
    std::uint64_t total = 0;
    for (const auto& count : buckets_->counts) total += count.load(std::memory_order_relaxed);
    return total;
}

std::uint64_t Histogram::sum_us() const {
    return buckets_->sum_us.load(std::memory_order_relaxed);
}

double Histogram::percentile_ms(double p) const {
    // One pass over a copy: recording goes on, and the answer must be consistent in itself.
    std::array<std::uint64_t, kBucketCount> counts;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < kBucketCount; ++i) {
        counts[i] = buckets_->counts[i].load(std::memory_order_relaxed);
        total += counts[i];
    }
    if (total == 0) return 0;
    const double wanted = std::ceil(static_cast<double>(total) * std::clamp(p, 0.0, 100.0) / 100.0);
    const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, total);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBucketCount; ++i) {
        seen += counts[i];
        if (seen >= rank) return static_cast<double>(std::min(upper_edge(i), kMaxMicroseconds)) / 1000.0;
    }
    return static_cast<double>(kMaxMicroseconds) / 1000.0;
}

}  // namespace kontor::telemetry

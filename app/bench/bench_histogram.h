#pragma once
// Latencies of a load run: log-linear buckets, so that a p99.99 costs the same memory as a median.
//
// Threading: one thread at a time; merge() joins the threads' own. Errors: none; longer than kMaxNs counts as
// kMaxNs in the percentiles, max_ns() stays exact. Limits: relative error below 1/128 (0.8 %).

#include <cstdint>
#include <vector>

namespace kontor::app {

class LatencyHistogram {
 public:
    static constexpr std::uint64_t kMaxNs = (1ULL << 42) - 1;  // 73 minutes

    LatencyHistogram();
    void record(std::uint64_t ns, std::uint64_t times = 1);
    void merge(const LatencyHistogram& other);
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t max_ns() const { return max_ns_; }
    // The smallest value that at least `p` per cent (0..100) are not above, rounded up to its bucket's edge;
    // 0 when empty.
    [[nodiscard]] std::uint64_t percentile_ns(double p) const;

 private:
    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0, max_ns_ = 0;
};

}  // namespace kontor::app

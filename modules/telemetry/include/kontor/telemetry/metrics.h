#pragma once
// Counters, gauges and histograms, and their text in the Prometheus exposition format 0.0.4. No HTTP.
//
// Threading: recording is lock-free and safe anywhere; registration and text() take a lock.
// Ownership: a Registry owns its metrics; references stay valid as long as it lives.
// Limits: histograms are log-linear (32 sub-buckets a power of two, relative error < 3.2 %), 1 µs to 1 hour.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kontor::telemetry {

class Counter {
 public:
    void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<std::uint64_t> value_{0};
};

class Histogram {
 public:
    Histogram();
    ~Histogram();
    void record_us(std::uint64_t microseconds);
    [[nodiscard]] std::uint64_t count() const;
    [[nodiscard]] double percentile_ms(double p) const;  // p in 0..100; upper edge of the bucket
    [[nodiscard]] std::uint64_t sum_us() const;

 private:
    struct Buckets;
    std::unique_ptr<Buckets> buckets_;
};

// `name="value"` with the value escaped: the way to make a label from text that is not a constant.
[[nodiscard]] std::string label(std::string_view name, std::string_view value);

class Registry {
 public:
    Registry();
    ~Registry();
    // The same name and labels give the same object. labels: `method="GET",status="200"` or "".
    Counter& counter(std::string_view name, std::string_view help, std::string_view labels = "");
    Histogram& histogram(std::string_view name, std::string_view help, std::string_view labels = "");
    // Read when text() is called, under the registry's lock: `read` must not register metrics.
    void gauge(std::string_view name, std::string_view help, std::function<double()> read,
               std::string_view labels = "");
    // Histograms come as summaries in seconds: name{quantile="0.5|0.95|0.99"}, name_sum, name_count; so their
    // names end in _seconds.
    [[nodiscard]] std::string text() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kontor::telemetry

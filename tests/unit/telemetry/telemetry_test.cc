#include "kontor/telemetry/metrics.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "buckets.h"

namespace kontor::telemetry {
namespace {

TEST(BucketsTest, EveryEdgeIsConsistentAndNarrow) {
    for (std::size_t i = 1; i < kBucketCount; ++i) {
        const std::uint64_t upper = upper_edge(i);
        const std::uint64_t lower = upper_edge(i - 1) + 1;
        ASSERT_EQ(bucket_of(upper), i);
        ASSERT_EQ(bucket_of(lower), i);
        ASSERT_LE(upper - lower, lower / 32) << i;
    }
}

TEST(HistogramTest, EmptyIsZero) {
    const Histogram histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.percentile_ms(99), 0.0);
}

TEST(HistogramTest, PercentilesAreWithinTheStatedError) {
    Histogram histogram;
    for (std::uint64_t us = 1; us <= 100'000; ++us) histogram.record_us(us);
    EXPECT_EQ(histogram.count(), 100'000U);
    EXPECT_EQ(histogram.sum_us(), 5'000'050'000U);
    for (const double p : {1.0, 50.0, 95.0, 99.0, 99.9}) {
        const double exact_ms = p;  // 100,000 µs are 100 ms
        EXPECT_GE(histogram.percentile_ms(p), exact_ms);
        EXPECT_LE(histogram.percentile_ms(p), exact_ms * 1.032) << p;
    }
}

TEST(HistogramTest, BothEndsAreClamped) {
    Histogram histogram;
    histogram.record_us(0);
    EXPECT_EQ(histogram.percentile_ms(100), 0.001);
    histogram.record_us(~std::uint64_t{0});
    EXPECT_EQ(histogram.percentile_ms(100), 3'600'000.0);
    EXPECT_EQ(histogram.percentile_ms(0), 0.001);
    EXPECT_EQ(histogram.sum_us(), 3'600'000'001U);
}

TEST(CounterTest, ThreadsLoseNothing) {
    Registry registry;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&registry] {
            Counter& counter = registry.counter("hits_total", "Hits.");
            Histogram& histogram = registry.histogram("work_seconds", "Work.");
            for (std::uint64_t i = 0; i < 10'000; ++i) {
                counter.add();
                histogram.record_us(i);
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(registry.counter("hits_total", "Hits.").value(), 40'000U);
    EXPECT_EQ(registry.histogram("work_seconds", "Work.").count(), 40'000U);
}

TEST(RegistryTest, TheSameNameAndLabelsGiveTheSameObject) {
    Registry registry;
    Counter& one = registry.counter("a_total", "A.", "x=\"1\"");
    EXPECT_EQ(&one, &registry.counter("a_total", "A.", "x=\"1\""));
    EXPECT_NE(&one, &registry.counter("a_total", "A.", "x=\"2\""));
}

TEST(RegistryTest, TextIsTheExpositionFormat) {
    Registry registry;
    registry.counter("requests_total", "Requests, a\\b\nline.", label("path", "a\"b\\c\nd")).add(3);
    registry.counter("requests_total", "ignored", "path=\"z\"").add();
    registry.gauge("level", "Level.", [] { return 1.5; });
    registry.histogram("took_seconds", "Took.", "m=\"GET\"").record_us(2'000);
    EXPECT_EQ(registry.text(),
              "# HELP level Level.\n"
              "# TYPE level gauge\n"
              "level 1.5\n"
              "# HELP requests_total Requests, a\\\\b\\nline.\n"
              "# TYPE requests_total counter\n"
              "requests_total{path=\"a\\\"b\\\\c\\nd\"} 3\n"
              "requests_total{path=\"z\"} 1\n"
              "# HELP took_seconds Took.\n"
              "# TYPE took_seconds summary\n"
              "took_seconds{m=\"GET\",quantile=\"0.5\"} 0.002015\n"
              "took_seconds{m=\"GET\",quantile=\"0.95\"} 0.002015\n"
              "took_seconds{m=\"GET\",quantile=\"0.99\"} 0.002015\n"
              "took_seconds_sum{m=\"GET\"} 0.002\n"
              "took_seconds_count{m=\"GET\"} 1\n");
}

TEST(RegistryTest, NonFiniteGauges) {
    Registry registry;
    registry.gauge("x", "X.", [] { return 1.0 / 0.0; });
    EXPECT_NE(registry.text().find("x +Inf\n"), std::string::npos);
}

TEST(RegistryDeathTest, ANameHasOneTypeAndOneAlphabet) {
    Registry registry;
    registry.counter("a_total", "A.");
    EXPECT_DEATH(registry.histogram("a_total", "A."), "one type");
    EXPECT_DEATH(registry.counter("a-b", "A."), "metric name");
    EXPECT_DEATH(registry.counter("", "A."), "metric name");
}

}  // namespace
}  // namespace kontor::telemetry

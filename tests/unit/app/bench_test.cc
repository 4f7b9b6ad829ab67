// The arithmetic of `kontor bench`: percentiles, the open loop's schedule, the bytes of the requests.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench_histogram.h"
#include "bench_report.h"
#include "bench_schedule.h"
#include "bench_wire.h"
#include "kontor/base/bytes.h"
#include "kontor/ledger_api.pb.h"

namespace kontor::app {
namespace {

TEST(LatencyHistogram, EmptyHasNoPercentiles) {
    const LatencyHistogram histogram;
    EXPECT_EQ(histogram.count(), 0U);
    EXPECT_EQ(histogram.percentile_ns(50), 0U);
    EXPECT_EQ(histogram.max_ns(), 0U);
}

TEST(LatencyHistogram, SmallValuesAreExact) {
    LatencyHistogram histogram;
    for (std::uint64_t ns = 1; ns <= 200; ++ns) histogram.record(ns);
    EXPECT_EQ(histogram.percentile_ns(0), 1U);
    EXPECT_EQ(histogram.percentile_ns(50), 100U);
    EXPECT_EQ(histogram.percentile_ns(99), 198U);
    EXPECT_EQ(histogram.percentile_ns(100), 200U);
}

TEST(LatencyHistogram, EveryValueStaysWithinItsPromisedError) {
    for (unsigned bits = 0; bits < 42; ++bits) {
        for (const std::uint64_t offset : {-1, 0, 1}) {
            const std::uint64_t ns = (1ULL << bits) + offset;
            LatencyHistogram histogram;
            histogram.record(ns);
            histogram.record(LatencyHistogram::kMaxNs);  // so that the maximum does not correct the edge
            const std::uint64_t found = histogram.percentile_ns(50);
            EXPECT_GE(found, ns);
            EXPECT_LE(found - ns, ns / 128) << ns;
        }
    }
}

TEST(LatencyHistogram, PercentilesAgreeWithSortedValues) {
    BenchRandom random(7);
    LatencyHistogram left, right;
    std::vector<std::uint64_t> all;
    for (int i = 0; i < 50'000; ++i) {
        // Some seconds at the far end, microseconds at the near one.
        const std::uint64_t ns = 1'000ULL << random.below(22);
        all.push_back(ns + random.below(ns));
        (i % 3 == 0 ? left : right).record(all.back());
    }
    left.merge(right);
    std::sort(all.begin(), all.end());
    ASSERT_EQ(left.count(), all.size());
    for (const double p : {1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        const auto rank = static_cast<std::size_t>(std::ceil(p / 100 * static_cast<double>(all.size())));
        const std::uint64_t exact = all[rank - 1];
        EXPECT_GE(left.percentile_ns(p), exact) << p;
        EXPECT_LE(left.percentile_ns(p), exact + exact / 128) << p;
    }
    EXPECT_EQ(left.max_ns(), all.back());
}

TEST(LatencyHistogram, TooLongCountsAsTheLimitAndTheMaximumStaysTrue) {
    LatencyHistogram histogram;
    histogram.record(LatencyHistogram::kMaxNs + 1, 3);
    EXPECT_EQ(histogram.count(), 3U);
    EXPECT_EQ(histogram.percentile_ns(50), LatencyHistogram::kMaxNs);
    EXPECT_EQ(histogram.max_ns(), LatencyHistogram::kMaxNs + 1);
}

TEST(OpenLoopSchedule, DoesNotDrift) {
    constexpr std::uint64_t kStart = 5;
    for (const std::uint64_t rate : {1ULL, 3ULL, 7'777ULL, 30'000ULL, 9'999'999ULL}) {
        const OpenLoopSchedule schedule(kStart, rate);
        EXPECT_EQ(schedule.intended_ns(0), kStart);
        // After an hour exactly rate * 3600 requests were meant to be sent.
        EXPECT_EQ(schedule.intended_ns(rate * 3600), kStart + 3600 * OpenLoopSchedule::kSecond) << rate;
        EXPECT_EQ(schedule.count_before(kStart + 3600 * OpenLoopSchedule::kSecond), rate * 3600) << rate;
        EXPECT_LT(schedule.intended_ns(41), schedule.intended_ns(42));
    }
}

TEST(OpenLoopSchedule, CountsWhatIsDueBeforeATime) {
    const OpenLoopSchedule schedule(1'000, 3);  // 1000, 333334333, 666667666, 1000001000 …
    EXPECT_EQ(schedule.count_before(0), 0U);
    EXPECT_EQ(schedule.count_before(1'000), 0U);
    EXPECT_EQ(schedule.count_before(1'001), 1U);
    EXPECT_EQ(schedule.count_before(schedule.intended_ns(1)), 1U);
    EXPECT_EQ(schedule.count_before(schedule.intended_ns(1) + 1), 2U);
    EXPECT_EQ(schedule.count_before(1'000 + OpenLoopSchedule::kSecond), 3U);
}

TEST(Duration, UnitsAndNonsense) {
    EXPECT_EQ(parse_duration_ms("20s"), 20'000U);
    EXPECT_EQ(parse_duration_ms("500ms"), 500U);
    EXPECT_EQ(parse_duration_ms("2m"), 120'000U);
    EXPECT_EQ(parse_duration_ms("7"), 7'000U);
    EXPECT_EQ(parse_duration_ms("0s"), 0U);
    EXPECT_EQ(parse_duration_ms("86400s"), 86'400'000U);
    for (const char* wrong : {"", "s", "-1s", "1.5s", "1h", "20 s", "86401s", "99999999999999999999"})
        EXPECT_FALSE(parse_duration_ms(wrong)) << wrong;
}

TEST(Mix, RatiosAndNonsense) {
    EXPECT_EQ(parse_mix("30:65:5", 3), (std::vector<unsigned>{30, 65, 5}));
    EXPECT_EQ(parse_mix("0:1", 2), (std::vector<unsigned>{0, 1}));
    for (const char* wrong : {"", "1", "0:0", "1:1:1", "1:", ":1", "a:b", "1:2 ", "-1:2", "1000001:1"})
        EXPECT_FALSE(parse_mix(wrong, 2)) << wrong;
}

TEST(Wire, TransfersReadAsTheMessagesTheyAre) {
    for (const bool wide : {false, true}) {
        std::string body;
        const WireTransfer first{{9, 10}, {wide ? 1U : 0U, 2}, {wide ? 3U : 0U, 4}, 128};
        const WireTransfer second{{9, 11}, {wide ? 5U : 0U, 6}, {wide ? 7U : 0U, 8}, 16'383};
        append_transfer(body, first, wide);
        EXPECT_EQ(body.size(), transfer_bytes(wide));
        append_transfer(body, second, wide);
        EXPECT_EQ(body.size(), 2 * transfer_bytes(wide));
        kontor::ledger::v1::CreateTransfers message;
        ASSERT_TRUE(message.ParseFromString(body));
        ASSERT_EQ(message.transfers_size(), 2);
        const auto expect = [](const auto& read, const WireTransfer& written) {
            EXPECT_EQ(read.id_high(), written.id.high);
            EXPECT_EQ(read.id_low(), written.id.low);
            EXPECT_EQ(read.debit_account_high(), written.debit.high);
            EXPECT_EQ(read.debit_account_low(), written.debit.low);
            EXPECT_EQ(read.credit_account_high(), written.credit.high);
            EXPECT_EQ(read.credit_account_low(), written.credit.low);
            EXPECT_EQ(read.amount(), written.amount);
            EXPECT_EQ(read.ledger(), 1U);
            EXPECT_EQ(read.code(), 1U);
        };
        expect(message.transfers(0), first);
        expect(message.transfers(1), second);
    }
}

TEST(Wire, AccountsReadAsTheMessagesTheyAre) {
    std::string body;
    append_account(body, {0, 5}, 0);
    append_account(body, {6, 7}, 1);
    kontor::ledger::v1::CreateAccounts message;
    ASSERT_TRUE(message.ParseFromString(body));
    ASSERT_EQ(message.accounts_size(), 2);
    EXPECT_EQ(message.accounts(0).id_low(), 5U);
    EXPECT_EQ(message.accounts(0).id_high(), 0U);
    EXPECT_EQ(message.accounts(1).id_low(), 7U);
    EXPECT_EQ(message.accounts(1).id_high(), 6U);
    EXPECT_EQ(message.accounts(1).ledger(), 1U);
    EXPECT_EQ(message.accounts(1).code(), 1U);
    EXPECT_EQ(message.accounts(0).flags(), 0U);
    EXPECT_EQ(message.accounts(1).flags(), 1U);
}

std::string results_of(const std::vector<std::uint32_t>& statuses) {
    kontor::ledger::v1::Results results;
    for (const std::uint32_t status : statuses) results.add_statuses(status);
    return results.SerializeAsString();
}

TEST(Wire, StatusesAreCountedOneByOne) {
    EXPECT_EQ(all_ok(results_of(std::vector<std::uint32_t>(8192, 0))), 8192U);
    EXPECT_FALSE(all_ok(results_of({0, 0, 9})));
    EXPECT_FALSE(all_ok(results_of({0, 300})));
    EXPECT_FALSE(all_ok(""));
    EXPECT_FALSE(all_ok("{}"));
    std::vector<std::uint32_t> seen;
    const auto collect = [&seen](std::uint32_t status) { seen.push_back(status); };
    EXPECT_TRUE(visit_statuses(results_of({0, 300, 9, 0}), collect));
    EXPECT_EQ(seen, (std::vector<std::uint32_t>{0, 300, 9, 0}));
    EXPECT_FALSE(visit_statuses("{\"object\":1}", collect));
    std::string torn = results_of({0, 1, 2});
    torn.pop_back();
    EXPECT_FALSE(visit_statuses(torn, collect));
}

TEST(Wire, IdsAreHexadecimalAndGrow) {
    std::string hex(32, '?');
    put_hex(hex.data(), {0x0123456789abcdef, 0xfedcba9876543210});
    EXPECT_EQ(hex, "0123456789abcdeffedcba9876543210");
    TransferIds ids(0xABCDE, 5);
    const WireId first = ids.take(1'000, 3), second = ids.take(1'000, 1), third = ids.take(1'001, 1);
    EXPECT_EQ(first.high, (1'000ULL << 16U) | ((0xABCDE * 64 + 5) & 0xFFFF));
    EXPECT_NE(TransferIds(0xABCDE, 6).take(1'000, 1).high, first.high);
    EXPECT_NE(TransferIds(0xABCDF, 5).take(1'000, 1).high, first.high);
    EXPECT_NE(new_bench_run(), new_bench_run());
    EXPECT_EQ(second.high, first.high);
    EXPECT_EQ(second.low, first.low + 3);
    EXPECT_GT(third.high, second.high);
    const AccountIds plain{}, random{true, 1}, other{true, 2};
    EXPECT_EQ(plain.id(77).high, 0U);
    EXPECT_EQ(plain.id(77).low, 77U);
    EXPECT_NE(random.id(77).high, other.id(77).high);
    EXPECT_EQ(random.id(77).low, random.id(77).low);
}

TEST(Wire, TheFirstStringOfAName) {
    EXPECT_EQ(json_string(R"({"id":"pi_1","object":"x","id":"no"})", "id"), "pi_1");
    EXPECT_EQ(json_string(R"({"paid":"no","id": "pi_2"})", "id"), "pi_2");
    EXPECT_EQ(json_string(R"({"id":7,"name":"id"})", "id"), "");
    EXPECT_EQ(json_string("", "id"), "");
}

TEST(Metrics, OnlyTheWholeNameCounts) {
    const std::string text = "# HELP a_total x\na_total_more 7\na_total{x=\"1\"} 8\na_total 9.5\nb 1\n";
    EXPECT_EQ(metric(text, "a_total"), 9.5);
    EXPECT_EQ(metric(text, "b"), 1.0);
    EXPECT_FALSE(metric(text, "total"));
    EXPECT_FALSE(metric(text, "c"));
}

}  // namespace
}  // namespace kontor::app

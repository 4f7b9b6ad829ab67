#include "kontor/cache/row_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace kontor::cache {
namespace {

using Entry = RowCache::Entry;

constexpr std::uint64_t kKeyBytes = 8;
constexpr std::uint64_t kValueBytes = 56;
constexpr std::uint64_t kCharge = kKeyBytes + kValueBytes + RowCache::kRowOverheadBytes;

std::string key_of(unsigned n) {
    std::string key = std::to_string(n);
    key.insert(0, kKeyBytes - key.size(), '0');
    return key;
}

Entry row(char fill) {
    return Entry{true, std::string(kValueBytes, fill)};
}

TEST(RowCache, FindsWhatWasInserted) {
    RowCache cache(1 << 20);
    EXPECT_EQ(cache.find(1, "a"), nullptr);
    cache.insert(1, "a", Entry{true, "one"});
    cache.insert(2, "a", Entry{true, "two"});
    ASSERT_NE(cache.find(1, "a"), nullptr);
    EXPECT_EQ(cache.find(1, "a")->value, "one");
    EXPECT_EQ(cache.find(2, "a")->value, "two");  // another table is another row
    EXPECT_EQ(cache.find(3, "a"), nullptr);
    const CacheStats stats = cache.stats();
    EXPECT_EQ(stats.hits, 3U);
    EXPECT_EQ(stats.misses, 2U);
    EXPECT_EQ(stats.rows, 2U);
    EXPECT_EQ(stats.bytes, 2 * (1 + 3 + RowCache::kRowOverheadBytes));
}

TEST(RowCache, AnAbsenceIsAnAnswer) {
    RowCache cache(1 << 20);
    cache.insert(1, "gone", Entry{false, ""});
    const auto found = cache.find(1, "gone");
    ASSERT_NE(found, nullptr);
    EXPECT_FALSE(found->present);
}

TEST(RowCache, HoldsExactlyTheLimitAndNotOneByteMore) {
    RowCache cache(4 * kCharge);  // one shard
    for (unsigned n = 0; n < 4; ++n) cache.insert(1, key_of(n), row('a'));
    EXPECT_EQ(cache.stats().bytes, 4 * kCharge);
    EXPECT_EQ(cache.stats().evictions, 0U);
    cache.insert(1, key_of(4), row('a'));
    EXPECT_EQ(cache.stats().bytes, 4 * kCharge);
    EXPECT_EQ(cache.stats().evictions, 1U);

    RowCache smaller(4 * kCharge - 1);
    for (unsigned n = 0; n < 4; ++n) smaller.insert(1, key_of(n), row('a'));
    EXPECT_EQ(smaller.stats().rows, 3U);
    EXPECT_EQ(smaller.stats().evictions, 1U);
}

TEST(RowCache, ARowLargerThanTheLimitIsNotCachedAndItsOlderValueGoes) {
    RowCache fits(kCharge);
    fits.insert(1, key_of(1), row('a'));
    EXPECT_NE(fits.find(1, key_of(1)), nullptr);
    fits.insert(1, key_of(1), Entry{true, std::string(kValueBytes + 1, 'b')});
    EXPECT_EQ(fits.find(1, key_of(1)), nullptr);
    EXPECT_EQ(fits.stats().bytes, 0U);

    RowCache nothing(0);
    nothing.insert(1, "a", Entry{true, ""});
    EXPECT_EQ(nothing.find(1, "a"), nullptr);
    EXPECT_EQ(nothing.stats().rows, 0U);
}

TEST(RowCache, ARowThatWasFoundSurvivesTheHand) {
    RowCache cache(4 * kCharge);
    for (unsigned n = 0; n < 4; ++n) cache.insert(1, key_of(n), row('a'));
    ASSERT_NE(cache.find(1, key_of(0)), nullptr);
    for (unsigned n = 10; n < 13; ++n) cache.insert(1, key_of(n), row('b'));
    EXPECT_NE(cache.find(1, key_of(0)), nullptr);
    EXPECT_EQ(cache.find(1, key_of(1)), nullptr);
}

TEST(RowCache, InsertReplacesAndAccountsForTheDifference) {
    RowCache cache(1 << 20);
    cache.insert(1, "key", Entry{true, "short"});
    cache.insert(1, "key", Entry{true, std::string(100, 'x')});
    EXPECT_EQ(cache.stats().rows, 1U);
    EXPECT_EQ(cache.stats().bytes, 3 + 100 + RowCache::kRowOverheadBytes);
    cache.erase(1, "key");
    cache.erase(1, "key");
    EXPECT_EQ(cache.stats().bytes, 0U);
}

TEST(RowCache, ReplaceChangesOnlyWhatIsCached) {
    RowCache cache(1 << 20);
    cache.replace(1, "cold", true, "x");
    EXPECT_EQ(cache.find(1, "cold"), nullptr);
    cache.insert(1, "hot", Entry{false, ""});
    cache.replace(1, "hot", true, "now here");
    ASSERT_NE(cache.find(1, "hot"), nullptr);
    EXPECT_EQ(cache.find(1, "hot")->value, "now here");
    cache.replace(1, "hot", false, "");
    ASSERT_NE(cache.find(1, "hot"), nullptr);
    EXPECT_FALSE(cache.find(1, "hot")->present);
}

TEST(RowCache, AFoundEntryOutlivesItsEviction) {
    RowCache cache(kCharge);
    cache.insert(1, key_of(1), row('a'));
    const auto held = cache.find(1, key_of(1));
    cache.clear();
    ASSERT_NE(held, nullptr);
    EXPECT_EQ(held->value, std::string(kValueBytes, 'a'));
    EXPECT_EQ(cache.stats().rows, 0U);
    EXPECT_EQ(cache.stats().bytes, 0U);
}

// Readers must see whole values (each is one letter repeated) and the limit must hold at every moment.
TEST(RowCache, ConcurrentUseStaysWholeAndBounded) {
    constexpr std::uint64_t kLimitBytes = 8ULL << 20;  // four shards
    constexpr unsigned kThreads = 4, kRounds = 30'000, kKeys = 50'000;
    RowCache cache(kLimitBytes);
    std::atomic<unsigned> torn{0}, finds{0};
    std::vector<std::thread> threads;
    for (unsigned id = 0; id < kThreads; ++id) {
        threads.emplace_back([&, id] {
            std::uint64_t state = 0x9E3779B97F4A7C15ULL * (id + 1);
            for (unsigned round = 0; round < kRounds; ++round) {
                state = state * 6364136223846793005ULL + 1442695040888963407ULL;
                const auto n = static_cast<unsigned>(state >> 33U) % kKeys;
                const auto action = static_cast<unsigned>(state >> 20U) % 16;
                const char fill = static_cast<char>('a' + action);
                if (action < 8) {
                    cache.insert(1, key_of(n), Entry{true, std::string(kValueBytes + 200, fill)});
                } else if (action == 8) {
                    cache.erase(1, key_of(n));
                } else if (action == 9) {
                    cache.replace(1, key_of(n), true, std::string(kValueBytes, fill));
                } else {
                    ++finds;
                    const auto found = cache.find(1, key_of(n));
                    if (found && found->value.find_first_not_of(found->value[0]) != std::string::npos) ++torn;
                }
                if (round % 1000 == 0 && cache.stats().bytes > kLimitBytes) ++torn;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(torn.load(), 0U);
    const CacheStats stats = cache.stats();
    EXPECT_EQ(stats.hits + stats.misses, finds.load());
    EXPECT_LE(stats.bytes, kLimitBytes);
    EXPECT_GT(stats.evictions, 0U);
}

}  // namespace
}  // namespace kontor::cache

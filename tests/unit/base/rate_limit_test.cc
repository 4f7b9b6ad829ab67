#include "kontor/base/rate_limit.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace kontor {
namespace {

TEST(TokenBuckets, GivesTheBurstAtOnceAndThenTheRate) {
    TokenBuckets buckets({.tokens = 10, .per_ms = 1'000, .burst = 5});
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(buckets.take("a", 1'000).allowed) << i;
    const BucketVerdict refused = buckets.take("a", 1'000);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.retry_after_ms, 100U);
    EXPECT_EQ(refused.remaining, 0U);
    EXPECT_FALSE(buckets.take("a", 1'099).allowed);
    EXPECT_TRUE(buckets.take("a", 1'100).allowed);
    EXPECT_FALSE(buckets.take("a", 1'100).allowed);
    // After a quiet time there is the burst again, and no more.
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(buckets.take("a", 100'000).allowed) << i;
    EXPECT_FALSE(buckets.take("a", 100'000).allowed);
}

TEST(TokenBuckets, KeysDoNotShare) {
    TokenBuckets buckets({.tokens = 1, .per_ms = 1'000, .burst = 1});
    EXPECT_TRUE(buckets.take("a", 5).allowed);
    EXPECT_FALSE(buckets.take("a", 5).allowed);
    EXPECT_TRUE(buckets.take("b", 5).allowed);
    EXPECT_TRUE(buckets.take("", 5).allowed);
    EXPECT_TRUE(buckets.take(std::string(100, 'a'), 5).allowed);
}

TEST(TokenBuckets, CostsAndLooks) {
    TokenBuckets buckets({.tokens = 1, .per_ms = 60'000, .burst = 10});
    EXPECT_EQ(buckets.look("a", 0).remaining, 9U);
    EXPECT_EQ(buckets.take("a", 0, 7).remaining, 3U);
    EXPECT_FALSE(buckets.look("a", 0, 4).allowed);
    EXPECT_EQ(buckets.look("a", 0, 4).retry_after_ms, 60'000U);
    EXPECT_TRUE(buckets.look("a", 0, 3).allowed);
    EXPECT_FALSE(buckets.take("a", 0, 99).allowed);  // as the burst: comes when the bucket is full
    EXPECT_TRUE(buckets.take("a", 7 * 60'000, 99).allowed);
    buckets.forget("a");
    EXPECT_TRUE(buckets.take("a", 7 * 60'000, 10).allowed);
}

TEST(TokenBuckets, WhatIsSpentIsPaidOffFirst) {
    TokenBuckets buckets({.tokens = 1, .per_ms = 1'000, .burst = 4});
    EXPECT_EQ(buckets.take("a", 0).remaining, 3U);
    for (int i = 0; i < 100; ++i) buckets.spend("a", 0, 4);
    EXPECT_EQ(buckets.look("a", 0).retry_after_ms, 5'000U);  // a debt of one bucket, and the token itself
    EXPECT_FALSE(buckets.take("a", 4'999).allowed);
    EXPECT_TRUE(buckets.take("a", 5'000).allowed);
}

TEST(TokenBuckets, ManyKeysDoNotGrowAndDoNotCloseOthers) {
    TokenBuckets buckets({.tokens = 1, .per_ms = 3'600'000, .burst = 2, .max_keys = 256});
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_TRUE(buckets.take("stranger " + std::to_string(i), 10).allowed) << i;
    }
    EXPECT_TRUE(buckets.take("friend", 10).allowed);
    // What fits is remembered.
    TokenBuckets few({.tokens = 1, .per_ms = 3'600'000, .burst = 1, .max_keys = 256});
    int remembered = 0;
    for (int i = 0; i < 128; ++i) (void)few.take(std::to_string(i), 10);
    for (int i = 0; i < 128; ++i) remembered += few.take(std::to_string(i), 10).allowed ? 0 : 1;
    EXPECT_GE(remembered, 120);
}

TEST(TokenBuckets, ThreadsTogetherTakeNoMoreThanThereIs) {
    TokenBuckets buckets({.tokens = 1, .per_ms = 3'600'000, .burst = 1'000});
    (void)buckets.take("a", 1);  // the key is there
    std::atomic<int> taken{1};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1'000; ++i) taken += buckets.take("a", 1).allowed ? 1 : 0;
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken.load(), 1'000);
}

}  // namespace
}  // namespace kontor

#pragma once
// Token buckets for many keys (addresses, API keys, names, routes) in memory that does not grow: "at most
// `burst` at once, and `tokens` every `per_ms` on the long run, for each key".
//
// A key's whole state is one number, the moment at which its bucket is full again (the generic cell rate
// algorithm), so a key costs 16 bytes and no allocation, and there is no lock.
//
// Threading: all functions from any thread. Two threads that bring a new key at the same moment may pay one
// token for both.
// Errors: none. Time is passed in (milliseconds of a clock that does not go back) and compared with itself
// only.
// Limits: at least `max_keys` keys that are not full; the fullest of eight is forgotten for a newcomer, so
// whoever brings more keys than that weakens the limit of those that wait, and never closes one for others.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

namespace kontor {

struct BucketOptions {
    std::uint64_t tokens = 1;      // come back every `per_ms`; at least 1
    std::uint64_t per_ms = 1'000;  // at least 1
    std::uint64_t burst = 1;       // at once, by a key that was quiet; at least 1
    std::size_t max_keys = 16'384;
};

inline constexpr BucketOptions kLineAMinute{.tokens = 1, .per_ms = 60'000, .burst = 1};  // of a log, by key

struct BucketVerdict {
    bool allowed = true;
    std::uint64_t retry_after_ms = 0;  // when it was not: how long until the same cost is there
    std::uint64_t remaining = 0;       // whole tokens left
};

class TokenBuckets {
 public:
    explicit TokenBuckets(const BucketOptions& options);

    // Takes `cost` tokens if they are there. A cost above `burst` is treated as `burst`.
    BucketVerdict take(std::string_view key, std::uint64_t now_ms, std::uint64_t cost = 1);
    // What take() would say; takes nothing.
    [[nodiscard]] BucketVerdict look(std::string_view key, std::uint64_t now_ms,
                                     std::uint64_t cost = 1) const;
    // Takes `cost` tokens also when they are not there: what turned out dearer is paid off before anything
    // else is allowed, for at most twice the time that a bucket needs to fill.
    void spend(std::string_view key, std::uint64_t now_ms, std::uint64_t cost);
    // The key starts afresh, with all of `burst`.
    void forget(std::string_view key);

    [[nodiscard]] const BucketOptions& options() const { return options_; }

 private:
    struct Slot {
        std::atomic<std::uint64_t> key{0};      // 0: never used
        std::atomic<std::uint64_t> full_at{0};  // nanoseconds
    };
    [[nodiscard]] std::uint64_t hash(std::string_view key) const;
    [[nodiscard]] Slot* find(std::uint64_t hash) const;
    [[nodiscard]] Slot& find_or_claim(std::uint64_t hash, std::uint64_t now_ns);
    [[nodiscard]] BucketVerdict judge(std::uint64_t full_at, std::uint64_t now_ns, std::uint64_t cost) const;

    BucketOptions options_;
    std::uint64_t token_ns_;   // for one token to come back
    std::uint64_t window_ns_;  // for all of `burst`
    std::uint64_t seed_[2];    // nobody outside can choose keys that share a slot
    std::size_t groups_;       // of kWays slots
    std::unique_ptr<Slot[]> slots_;
};

}  // namespace kontor

#include "kontor/base/rate_limit.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

#include "kontor/base/assert.h"

namespace kontor {
namespace {

constexpr std::size_t kWays = 8;  // slots that a key may take
constexpr std::uint64_t kNsPerMs = 1'000'000;
// Bounds every product and sum below: 292 years of nanoseconds fit 64 bits, a window of ten years is plenty.
constexpr std::uint64_t kMaxWindowNs = 10ULL * 366 * 86'400 * 1'000 * kNsPerMs;

// SipHash-1-3 (Aumasson and Bernstein): a keyed hash, so that strangers cannot aim at a slot.
struct SipState {
    std::uint64_t v0, v1, v2, v3;

    void round() {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    }
    void word(std::uint64_t m) {
        v3 ^= m;
        round();
        v0 ^= m;
    }
};

}  // namespace

TokenBuckets::TokenBuckets(const BucketOptions& options) : options_(options) {
    KONTOR_ASSERT(options.tokens > 0 && options.per_ms > 0 && options.burst > 0 && options.max_keys > 0,
                  "a bucket has a rate, a size and a place");
    KONTOR_ASSERT(options.per_ms < kMaxWindowNs / kNsPerMs, "a bucket refills within ten years");
    token_ns_ = std::max<std::uint64_t>(1, options.per_ms * kNsPerMs / options.tokens);
    KONTOR_ASSERT(options.burst <= kMaxWindowNs / token_ns_, "a bucket is full again within ten years");
    window_ns_ = token_ns_ * options.burst;
    std::random_device random;
    for (std::uint64_t& half : seed_) half = (std::uint64_t{random()} << 32U) | random();
    // A group of eight is full before the table is: twice the slots keep `max_keys` at hand.
    groups_ = std::bit_ceil(std::max<std::size_t>(1, options.max_keys * 2 / kWays));
    slots_ = std::make_unique<Slot[]>(groups_ * kWays);
}

std::uint64_t TokenBuckets::hash(std::string_view key) const {
    SipState state{seed_[0] ^ 0x736f6d6570736575ULL, seed_[1] ^ 0x646f72616e646f6dULL,
                   seed_[0] ^ 0x6c7967656e657261ULL, seed_[1] ^ 0x7465646279746573ULL};
    const std::size_t size = key.size();
    for (; key.size() >= 8; key.remove_prefix(8)) {
        std::uint64_t m = 0;
        std::memcpy(&m, key.data(), 8);
        state.word(m);
    }
    std::uint64_t last = std::uint64_t{size} << 56U;
    for (std::size_t i = 0; i < key.size(); ++i)
        last |= std::uint64_t{static_cast<unsigned char>(key[i])} << (8 * i);
    state.word(last);
    state.v2 ^= 0xff;
    for (int i = 0; i < 3; ++i) state.round();
    const std::uint64_t out = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
    return out != 0 ? out : 1;
}

TokenBuckets::Slot* TokenBuckets::find(std::uint64_t hash) const {
    Slot* const group = &slots_[(hash & (groups_ - 1)) * kWays];
    for (std::size_t i = 0; i < kWays; ++i)
        if (group[i].key.load(std::memory_order_relaxed) == hash) return &group[i];
    return nullptr;
}

TokenBuckets::Slot& TokenBuckets::find_or_claim(std::uint64_t hash, std::uint64_t now_ns) {
    if (Slot* const found = find(hash)) return *found;
    // The bucket that is full first is forgotten with the least harm: with none if it is full by now.
    Slot* const group = &slots_[(hash & (groups_ - 1)) * kWays];
    Slot* const victim = std::min_element(group, group + kWays, [](const Slot& a, const Slot& b) {
        return a.full_at.load(std::memory_order_relaxed) < b.full_at.load(std::memory_order_relaxed);
    });
    victim->key.store(hash, std::memory_order_relaxed);
    victim->full_at.store(now_ns, std::memory_order_relaxed);
    return *victim;
}

BucketVerdict TokenBuckets::judge(std::uint64_t full_at, std::uint64_t now_ns, std::uint64_t cost) const {
    BucketVerdict verdict;
    const std::uint64_t missing_ns = full_at > now_ns ? full_at - now_ns : 0;
    const std::uint64_t there_ns = window_ns_ > missing_ns ? window_ns_ - missing_ns : 0;
    const std::uint64_t wanted_ns = cost * token_ns_;
    verdict.allowed = wanted_ns <= there_ns;
    verdict.remaining = (verdict.allowed ? there_ns - wanted_ns : there_ns) / token_ns_;
    if (!verdict.allowed)
        verdict.retry_after_ms = (missing_ns + wanted_ns - window_ns_ + kNsPerMs - 1) / kNsPerMs;
    return verdict;
}

BucketVerdict TokenBuckets::take(std::string_view key, std::uint64_t now_ms, std::uint64_t cost) {
    const std::uint64_t now_ns = now_ms * kNsPerMs;
    cost = std::min(cost, options_.burst);
    Slot& slot = find_or_claim(hash(key), now_ns);
    std::uint64_t full_at = slot.full_at.load(std::memory_order_relaxed);
    for (;;) {
        const BucketVerdict verdict = judge(full_at, now_ns, cost);
        if (!verdict.allowed) return verdict;
        const std::uint64_t next = std::max(full_at, now_ns) + cost * token_ns_;
        if (slot.full_at.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) return verdict;
    }
}

BucketVerdict TokenBuckets::look(std::string_view key, std::uint64_t now_ms, std::uint64_t cost) const {
    const Slot* const slot = find(hash(key));
    return judge(slot != nullptr ? slot->full_at.load(std::memory_order_relaxed) : 0, now_ms * kNsPerMs,
                 std::min(cost, options_.burst));
}

void TokenBuckets::spend(std::string_view key, std::uint64_t now_ms, std::uint64_t cost) {
    const std::uint64_t now_ns = now_ms * kNsPerMs;
    cost = std::min(cost, options_.burst);
    Slot& slot = find_or_claim(hash(key), now_ns);
    std::uint64_t full_at = slot.full_at.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do next = std::min(std::max(full_at, now_ns) + cost * token_ns_, now_ns + 2 * window_ns_);
    while (!slot.full_at.compare_exchange_weak(full_at, next, std::memory_order_relaxed));
}

void TokenBuckets::forget(std::string_view key) {
    if (Slot* const slot = find(hash(key))) slot->full_at.store(0, std::memory_order_relaxed);
}

}  // namespace kontor

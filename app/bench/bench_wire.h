#pragma once
// The bytes of a load run's requests: heads that are built once, bodies in which only ids and amounts change.
//
// Threading: values. Limits: kMaxBatch transfers or accounts a request, as the API has it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bench_scenario.h"

namespace kontor::app {

inline constexpr std::uint64_t kMaxBatch = 8192;
inline constexpr unsigned kMaxBenchThreads = 64;

// Random, whatever the seed is: what a run names (idempotency keys, ids of transfers) must be new to the
// server, also when the same command ran against it before.
[[nodiscard]] std::uint64_t new_bench_run();

// splitmix64: quick, and the same for the same seed.
class BenchRandom {
 public:
    explicit BenchRandom(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15ULL); }
    // 0 .. bound - 1, by multiplication: the division would cost more than the rest.
    std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64U);
    }
    [[nodiscard]] static std::uint64_t mix(std::uint64_t z) {
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31U);
    }

 private:
    std::uint64_t state_;
};

struct WireId {
    std::uint64_t high = 0, low = 0;
};
// 32 hexadecimal digits at `to`.
void put_hex(char* to, WireId id);

// Accounts are numbered 1 to N; their ids are these numbers, or with `random` 128 bits that look random.
struct AccountIds {
    bool random = false;
    std::uint64_t seed = 0;
    [[nodiscard]] WireId id(std::uint64_t number) const {
        if (!random) return {0, number};
        return {BenchRandom::mix(seed ^ (2 * number)), BenchRandom::mix(~seed ^ (2 * number + 1))};
    }
};

// Transfer ids in the order of time: milliseconds and a tag of the run in the high word, a counter in the low
// one.
class TransferIds {
 public:
    // `run` is new each time (new_bench_run()): two runs against one server do not meet in their ids.
    TransferIds(std::uint64_t run, unsigned worker)
        : tag_((run * kMaxBenchThreads + worker % kMaxBenchThreads) & 0xFFFF) {}
    // The next `count` ids: `high` and low words from the returned one on.
    WireId take(std::uint64_t wall_ms, std::uint64_t count) {
        const WireId first{(wall_ms << 16U) | tag_, next_};
        next_ += count;
        return first;
    }

 private:
    std::uint64_t tag_, next_ = 1;
};

// Everything of a POST up to its body.
class PostHead {
 public:
    PostHead() = default;
    PostHead(const BenchTarget& target, std::string_view path, std::string_view content_type);
    void append(std::string& out, std::size_t body_bytes) const;

 private:
    std::string text_;
};
[[nodiscard]] std::string get_request(const BenchTarget& target, std::string_view path);

inline constexpr std::string_view kProtobuf = "application/x-protobuf";
inline constexpr std::string_view kForm = "application/x-www-form-urlencoded";
inline constexpr std::string_view kJson = "application/json";

struct WireTransfer {
    WireId id, debit, credit;
    std::uint16_t amount =
        128;  // 128 to 16,383: always two bytes, so that every transfer has the same length
};
// Messages kontor.ledger.v1.Transfer of one length within CreateTransfers; `wide`: account ids have high
// words.
[[nodiscard]] std::size_t transfer_bytes(bool wide);
void append_transfer(std::string& out, const WireTransfer& transfer, bool wide);
// kontor.ledger.v1.Account within CreateAccounts; `flags` of one byte.
void append_account(std::string& out, WireId id, char flags);

// Calls `visit(status)` for each status of a kontor.ledger.v1.Results; false when it is not one.
[[nodiscard]] bool visit_statuses(std::string_view results, const std::function<void(std::uint32_t)>& visit);
// How many are 0 (ok) when all are one byte long, the common case; nullopt otherwise.
[[nodiscard]] std::optional<std::uint64_t> all_ok(std::string_view results);

// The string value of the first `"name":"…"` or `"name": "…"` in a JSON text; "" when there is none.
[[nodiscard]] std::string_view json_string(std::string_view json, std::string_view name);

}  // namespace kontor::app

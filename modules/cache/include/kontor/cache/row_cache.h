#pragma once
// A bounded in-memory cache of rows, between memtable and LMDB. Level 1 (it needs only base), so that the
// store may use it: docs/adr/0002.
//
// Threading: safe for concurrent use; sharded. Ownership: values are shared, immutable.
// Errors: none; a row that does not fit is not cached. Limits: `limit_bytes` counts keys, values and
// overhead; it is split evenly over up to kMaxShards shards, and a row must fit into the share of one shard.
// One cache serves one store: table numbers are the only name space.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kontor::cache {

struct CacheStats {
    std::uint64_t hits = 0, misses = 0, evictions = 0, bytes = 0, rows = 0, limit_bytes = 0;
};

class RowCache {
 public:
    static constexpr std::size_t kMaxShards = 32;
    // Of every shard where the limit allows, so that the largest row (1 MiB) fits.
    static constexpr std::uint64_t kMinShardBytes = 2ULL << 20;
    // Charged for a row beside its key and value: nodes, control blocks, hash slots.
    static constexpr std::uint64_t kRowOverheadBytes = 192;

    explicit RowCache(std::uint64_t limit_bytes);
    ~RowCache();
    RowCache(const RowCache&) = delete;
    RowCache& operator=(const RowCache&) = delete;

    // The cached value; null on a miss. A cached absence is a non-null pointer whose `present` is false.
    struct Entry {
        bool present;
        std::string value;
    };
    [[nodiscard]] std::shared_ptr<const Entry> find(std::uint8_t table, std::string_view key);
    void insert(std::uint8_t table, std::string_view key, Entry entry);
    // Only if the row is cached: its new value (or absence). Keeps hot rows hot without letting cold ones in.
    void replace(std::uint8_t table, std::string_view key, bool present, std::string_view value);
    void erase(std::uint8_t table, std::string_view key);
    void clear();
    [[nodiscard]] CacheStats stats() const;

 private:
    struct Shard;
    [[nodiscard]] Shard& shard_of(std::uint64_t hash) const;

    // Constant after construction; a Shard guards itself.
    std::uint64_t limit_bytes_;
    std::size_t shard_count_;
    std::unique_ptr<Shard[]> shards_;
};

}  // namespace kontor::cache

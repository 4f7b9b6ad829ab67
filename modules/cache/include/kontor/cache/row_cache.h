#pragma once
// A bounded in-memory cache of rows, between memtable and LMDB. Level 1 (it needs only base), so that the
// store may use it: docs/adr/0002.
//
// Threading: safe for concurrent use; sharded. Ownership: values are shared, immutable.
// Errors: none; a row that does not fit is not cached. Limits: `limit_bytes` counts keys, values and overhead.

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
    void erase(std::uint8_t table, std::string_view key);
    void clear();
    [[nodiscard]] CacheStats stats() const;

 private:
    struct Shard;
    std::unique_ptr<Shard[]> shards_;
    std::uint64_t limit_bytes_;
};

}  // namespace kontor::cache

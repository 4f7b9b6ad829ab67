#pragma once
// The hash of the entry being applied, by bucket; and the newest entries' hashes (kontor/store/entry_hash.h,
// docs/formats/state.md).
//
// Threading: EntryHasher on the apply thread; EntryHashes any.

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/store/entry_hash.h"
#include "tables.h"

namespace kontor::store {

class EntryHasher {
 public:
    explicit EntryHasher(const Tables& tables)
        : tables_(tables), buckets_(std::size_t{tables.count()} * tables.partitions()) {}

    void begin(std::string_view previous) { previous_ = previous; }
    void put(const Place& place, std::string_view key, std::string_view value) {
        change(place, 1, key, value);
    }
    void erase(const Place& place, std::string_view key) { change(place, 2, key, {}); }
    [[nodiscard]] EntryHash finish(std::uint64_t index);

 private:
    struct Bucket {
        std::uint64_t hash = 0;
        bool touched = false;
    };
    void change(const Place& place, std::uint64_t op, std::string_view key, std::string_view value);

    const Tables& tables_;
    std::string previous_;
    std::vector<Bucket> buckets_;         // by table, then partition
    std::vector<std::uint32_t> touched_;  // positions, in the order of the first change
};

inline constexpr std::size_t kMaxEntryHashes = 4'096;
inline constexpr std::size_t kMaxEntryHashBytes = 4U << 20U;

class EntryHashes {
 public:
    void add(EntryHash entry);  // of a greater index than all before
    [[nodiscard]] std::optional<EntryHash> find(std::uint64_t index) const;

 private:
    mutable std::mutex mutex_;
    std::deque<EntryHash> entries_;  // guarded by mutex_
    std::size_t bytes_ = 0;          // guarded by mutex_
};

}  // namespace kontor::store

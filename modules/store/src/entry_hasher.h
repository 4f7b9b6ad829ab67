#pragma once
// The hash of the entry being applied, by bucket; and the newest entries' hashes, with the keys that they
// changed (kontor/store/entry_hash.h, docs/formats/state.md).
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
#include "kontor/store/tables.h"

namespace kontor::store {

class EntryHasher {
 public:
    explicit EntryHasher(const Tables& tables)
        : tables_(tables), buckets_(std::size_t{tables.count()} * tables.partitions()) {}

    void begin(std::string_view previous) {
        previous_ = previous;
        rows_.clear();
    }
    void put(const Place& place, std::string_view key, std::string_view value) {
        change(place, 1, key, value);
    }
    void erase(const Place& place, std::string_view key) { change(place, 2, key, {}); }
    [[nodiscard]] EntryHash finish(std::uint64_t index);
    // What the entry that was finished last changed, until begin(): see EntryRows.
    [[nodiscard]] std::string_view rows() const { return rows_; }

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
    std::string rows_;                    // table, partition, key length (1 each), key, hash (4)
};

inline constexpr std::size_t kMaxEntryHashes = 4'096;
inline constexpr std::size_t kMaxEntryHashBytes = 4U << 20U;

class EntryHashes {
 public:
    void add(EntryHash entry);  // of a greater index than all before
    [[nodiscard]] std::optional<EntryHash> find(std::uint64_t index) const;
    [[nodiscard]] std::optional<EntryHash> find_from(std::uint64_t index) const;  // that or the next one

 private:
    mutable std::mutex mutex_;
    std::deque<EntryHash> entries_;  // guarded by mutex_
    std::size_t bytes_ = 0;          // guarded by mutex_
};

// Around the key of a changed row: table, partition, length (1 each); its hash.
inline constexpr std::size_t kRowHeadBytes = 3, kRowHashBytes = 4;
inline constexpr std::size_t kMaxKeptRowBytes = 16U << 20U;
static_assert(kMaxKeptRowBytes >= 4 * kMaxEntryRowBytes);

// What the newest entries changed, row by row, as EntryHasher wrote it: one buffer that is written in a
// circle, so that nothing is allocated for an entry. It grows as it is needed.
class EntryRows {
 public:
    void add(std::uint64_t index, std::string_view rows);
    // As bytes for another node (differing_keys()); "" when they are not kept any more.
    [[nodiscard]] std::string find(std::uint64_t index, TableId table, unsigned partition) const;

 private:
    struct Piece {
        std::uint64_t index = 0;
        std::size_t at = 0, bytes = 0;  // at: counted from the beginning of time
    };
    mutable std::mutex mutex_;
    std::deque<Piece> pieces_;  // guarded by mutex_; by index
    std::string buffer_;        // guarded by mutex_
    std::size_t end_ = 0;       // guarded by mutex_
};

}  // namespace kontor::store

#pragma once
// Rows changed since the last checkpoint, per partition and table: hashed where only point reads happen,
// sorted where the table is ordered. An erased row is a tombstone, since the partition may still hold it.
//
// Keys and values live in one arena, each row in one piece: nothing is freed singly, dropping a memtable
// frees a few large blocks, and a value that is overwritten by one that fits stays where it is (a hot account
// costs one row, however often it moves).
//
// Threading: one writer, or many readers; the Store's entry lock sees to it.
// Ownership: views point into the arena: keys stay, values change when their row is written.

#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "huge_blocks.h"
#include "kontor/store/tables.h"

namespace kontor::store {

// A row as written to redo files and partitions.
struct RowImage {
    TableId table;
    bool erased;
    std::string_view key;
    std::string_view value;  // empty if erased
};

// By key; of one table.
void sort_rows(std::span<RowImage> rows);

// The compiler takes a function that only prefetches for one without effects and drops its calls; the empty
// statement is an effect.
inline void fetch_line(const void* at) {
    __builtin_prefetch(at);
    asm volatile("");
}

// Sorted rows lie at random places of memory: a walk over them fetches ahead.
inline void fetch_ahead(const RowImage* row, const RowImage* end) {
    constexpr std::ptrdiff_t kRowsAhead = 8;
    constexpr std::size_t kLineBytes = 64;
    if (end - row <= kRowsAhead) return;
    const RowImage& next = row[kRowsAhead];
    fetch_line(next.key.data());
    for (std::size_t at = 0; at < next.value.size() && at < 4 * kLineBytes; at += kLineBytes)
        fetch_line(next.value.data() + at);
}

// The head of a row in the arena. Its key follows, then, at the next multiple of 8, its value.
struct MemRow {
    std::uint32_t size = 0;
    std::uint32_t capacity = 0;
    std::uint8_t key_size = 0;
    bool erased = false;

    // Bytes in front of the value.
    [[nodiscard]] static constexpr std::size_t head_bytes(std::size_t key_size) {
        return (kKeyAt + key_size + 7) & ~std::size_t{7};
    }
    [[nodiscard]] std::string_view key() const { return {start() + kKeyAt, key_size}; }
    [[nodiscard]] std::string_view value() const { return {start() + head_bytes(key_size), size}; }
    [[nodiscard]] char* start() { return reinterpret_cast<char*>(this); }
    [[nodiscard]] const char* start() const { return reinterpret_cast<const char*>(this); }

    static constexpr std::size_t kKeyAt = 10;
};

class HashedRows;

class MemTable {
 public:
    using SortedRows = std::pmr::map<std::string_view, MemRow*>;

    MemTable(const Tables& tables, HugeBlocks& huge);  // which outlives it
    ~MemTable();
    MemTable(const MemTable&) = delete;
    MemTable& operator=(const MemTable&) = delete;

    // Null: this memtable says nothing about the row.
    [[nodiscard]] const MemRow* find(const Place& place, std::string_view key) const;
    // Hints only; nothing for ordered tables.
    void prefetch(const Place& place, Fetch what) const;
    void put(const Place& place, std::string_view key, std::string_view value);
    void erase(const Place& place, std::string_view key);

    [[nodiscard]] const SortedRows& sorted(unsigned slot, unsigned partition) const;
    // Every row of a table in a partition, in no particular order, until `visit` returns false.
    template <typename Visit>
    bool each(unsigned slot, unsigned partition, const Visit& visit) const;
    // Of ordinary tables, sorted by table, then key: the order of LMDB keys; or of written-back tables, in
    // no particular order.
    [[nodiscard]] std::vector<RowImage> images(unsigned partition, bool written_back) const;

    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    [[nodiscard]] std::uint64_t writes() const { return writes_; }  // puts and erases so far
    [[nodiscard]] std::uint64_t bytes() const;

 private:
    class Arena;
    [[nodiscard]] std::size_t cell(unsigned slot, unsigned partition) const {
        return std::size_t{partition} * tables_.count() + slot;
    }
    MemRow* row_for_write(const Place& place, std::string_view key, std::size_t size);
    [[nodiscard]] MemRow* new_row(const Place& place, std::string_view key, std::size_t size);
    bool each_hashed(unsigned slot, unsigned partition, const void* context,
                     bool (*visit)(const void*, const MemRow&)) const;

    const Tables& tables_;
    std::unique_ptr<Arena> arena_;
    std::vector<std::unique_ptr<SortedRows>> sorted_;  // by cell; null for hashed tables
    std::vector<HashedRows> hashed_;                   // by cell; empty for sorted tables
    std::uint64_t slot_bytes_ = 0;                     // of all of them
    std::uint64_t rows_ = 0;
    std::uint64_t writes_ = 0;
};

template <typename Visit>
bool MemTable::each(unsigned slot, unsigned partition, const Visit& visit) const {
    if (tables_.spec(slot).ordered) {
        for (const auto& [key, row] : sorted(slot, partition))
            if (!visit(key, *row)) return false;
        return true;
    }
    return each_hashed(slot, partition, &visit, [](const void* context, const MemRow& row) {
        return (*static_cast<const Visit*>(context))(row.key(), row);
    });
}

}  // namespace kontor::store

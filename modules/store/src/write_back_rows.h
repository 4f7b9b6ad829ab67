#pragma once
// Rows of written-back tables (TableSpec::written_back) of one partition: newer than the partition and
// durable in redo files ("dirty"), or the same as there ("clean", kept as a cache).
// docs/adr/0009-write-back-rows.md.
//
// One writer, many readers, no lock. What makes that right is the store's entry lock, inside which all
// readers live, and which the checkpoint thread takes once a checkpoint (exclusive):
//   * A row is changed only while the frozen memtable shadows it, so nobody looks at its value. New rows come
//     while others are looked for: a reader believes only a reference whose key it compared.
//   * What readers may still look at (a row that was taken out, a table that became too small) is retired; it
//     is used again after the entry lock was held: reclaim().
//   * Only clean rows are taken out, and only such as were clean before the entry lock was held last, since a
//     reader's transaction may be older than the merge: evict() comes after that, before further merges.
//
// Threading: find(), prefetch(), each() anywhere inside the entry lock; bytes(), dirty_bytes(), rows()
// anywhere; the rest on the checkpoint thread, or on one that works for it. each() shows a row once only
// while nobody evicts: Core::eviction. Ownership: views of rows live as long as the entry lock is held.
// Limits: those of evict(); dirty rows stay.

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "huge_blocks.h"
#include "kontor/store/tables.h"
#include "mem_table.h"

namespace kontor::store {

// The head of a row; its key and value follow.
struct WriteBackRow {
    std::uint32_t value_size = 0;
    std::uint8_t key_size = 0;
    std::uint8_t size_class = 0;  // 0: an allocation of its own
    bool erased = false;
    mutable std::atomic<bool> used{true};  // since the clock's hand passed
    [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
    [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] std::string_view key() const { return {bytes(), key_size}; }
    [[nodiscard]] std::string_view value() const { return {bytes() + key_size, value_size}; }
};

class WriteBackRows {
 public:
    explicit WriteBackRows(const Tables& tables);
    ~WriteBackRows();
    WriteBackRows(const WriteBackRows&) = delete;
    WriteBackRows& operator=(const WriteBackRows&) = delete;

    // Null: nothing is known about the row here.
    [[nodiscard]] const WriteBackRow* find(const Place& place, std::string_view key) const;
    void prefetch(const Place& place, Fetch what) const;  // a hint
    // Every row of a table, erased ones too, in no particular order, until `visit` returns false.
    template <typename Visit>
    bool each(unsigned slot, const Visit& visit) const;

    // New values of rows of written-back tables of this partition: dirty.
    void absorb(std::span<const RowImage> rows);
    // Dirty ones, sorted by table, then key: all, or a part of them. When they are in the partition, those of
    // the last call are no longer dirty.
    struct Part {
        std::string after, upto;  // a byte for the table, then the key; empty: no bound
    };
    [[nodiscard]] std::vector<RowImage> dirty_rows(const Part& part = {});
    void mark_clean();
    // Where parts of about this many bytes end; none when one is enough.
    [[nodiscard]] std::vector<std::string> cut(std::uint64_t part_bytes) const;
    // Takes out clean rows until at most `limit_bytes` are held.
    void evict(std::uint64_t limit_bytes);
    void reclaim();

    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t dirty_bytes() const { return dirty_bytes_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t rows() const { return rows_.load(std::memory_order_relaxed); }

 private:
    // A row's place: its address, bits of its hash above, and in the lowest bits what it is.
    using Ref = std::uint64_t;
    static constexpr Ref kEmpty = 0, kDirty = 1, kGone = 2;
    static constexpr unsigned kAddressBits = 48;
    static constexpr Ref kAddress = ((Ref{1} << kAddressBits) - 1) & ~Ref{7};

    class RefArray;
    struct Slots;
    struct Table;
    static WriteBackRow* row_of(Ref ref) { return reinterpret_cast<WriteBackRow*>(ref & kAddress); }
    static bool is_row(Ref ref) { return (ref & kAddress) != 0; }

    void put(Table& table, std::uint64_t hash, const RowImage& image);
    void make_room(Table& table);
    [[nodiscard]] WriteBackRow* new_row(std::string_view key, std::string_view value);
    void retire(WriteBackRow* row);
    void release(WriteBackRow* row);
    [[nodiscard]] static std::uint64_t size_of(const WriteBackRow& row);
    void count_dirty(std::uint64_t added, std::uint64_t removed);
    bool each_row(unsigned slot, const void* context, bool (*visit)(const void*, const WriteBackRow&)) const;

    const Tables& tables_;
    std::vector<std::unique_ptr<Table>> by_slot_;  // null for other tables

    // The writer's.
    struct FreeRow {
        FreeRow* next;
    };
    static constexpr std::size_t kStep = 8, kClasses = 64;
    std::vector<FreeRow*> free_;  // by size class
    HugeBlocks huge_blocks_{0};
    Blocks blocks_{huge_blocks_};
    char* block_at_ = nullptr;
    std::size_t block_left_ = 0;
    std::vector<std::atomic<Ref>*> shown_;  // by dirty_rows(); good until the next absorb()
    std::vector<WriteBackRow*> retired_rows_;
    std::vector<std::unique_ptr<Slots>> retired_slots_;

    std::atomic<std::uint64_t> bytes_{0}, dirty_bytes_{0}, rows_{0};
};

template <typename Visit>
bool WriteBackRows::each(unsigned slot, const Visit& visit) const {
    return each_row(slot, &visit, [](const void* context, const WriteBackRow& row) {
        return (*static_cast<const Visit*>(context))(row);
    });
}

}  // namespace kontor::store
